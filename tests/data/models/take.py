"""Copies folders of the reference models here, with the goldens cut to the last positions of each prompt.

    python take.py SOURCE NAME ...
"""
import json
import pathlib
import shutil
import struct
import sys

KEEP = 4
here = pathlib.Path(__file__).parent


def cut(source, target, cases):
    raw = source.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8:8 + size]), raw[8 + size:]
    out, blob = {}, b""
    for case in cases:
        start, end = case["positions_stored"]
        keep = min(KEEP, end - start)
        for kind in ("prompt_logits", "last_hidden"):
            name = f"{case['name']}.{kind}"
            entry = header[name]
            begin, stop = entry["data_offsets"]
            row = (stop - begin) // entry["shape"][0]
            part = data[stop - keep * row:stop]
            out[name] = {"dtype": "F32", "shape": [keep, entry["shape"][1]],
                         "data_offsets": [len(blob), len(blob) + len(part)]}
            blob += part
        case["positions_stored"] = [end - keep, end]
    text = json.dumps(out).encode()
    text += b" " * (-len(text) % 8)
    target.write_bytes(struct.pack("<Q", len(text)) + text + blob)


for name in sys.argv[2:]:
    source, target = pathlib.Path(sys.argv[1]) / name, here / name
    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.name.startswith("golden.") and path.suffix == ".safetensors":
            golden = json.loads(path.with_suffix(".json").read_text())
            cut(path, target / path.name, golden["cases"])
            (target / path.with_suffix(".json").name).write_text(json.dumps(golden) + "\n")
        elif not path.name.startswith("golden."):
            shutil.copyfile(path, target / path.name)
