"""Writes the wheel from an installed tree: build_wheel.py PREFIX VERSION. Needs nothing but Python."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import zipfile

NAME = "libengine"
SONAME = "libengine.so.0"
EPOCH = (1980, 1, 1, 0, 0, 0)  # The same input gives the same bytes.

METADATA = """Metadata-Version: 2.1
Name: libengine
Version: {version}
Summary: LLM inference engine as one library, with vLLM's offline API
Requires-Python: >=3.9
Classifier: Programming Language :: Python :: 3
Classifier: Operating System :: POSIX :: Linux
Classifier: Typing :: Typed
Description-Content-Type: text/markdown

    from libengine import LLM, SamplingParams

    llm = LLM("path/to/model")
    outputs = llm.generate(["Once upon a time"], SamplingParams(max_tokens=32))
    print(outputs[0].outputs[0].text)

One wheel for all Pythons: the native library is inside. ENGINE_LIB names another one.
A forked child cannot use its parent's engine: with multiprocessing choose spawn or forkserver.
"""


def platform_tag(library: bytes) -> str:
    """The oldest glibc that has every symbol that the library asks for."""
    minor = max(int(m) for m in re.findall(rb"GLIBC_2\.(\d+)", library))
    machine = {62: "x86_64", 183: "aarch64"}[int.from_bytes(library[18:20], "little")]
    return f"manylinux_2_{max(minor, 17)}_{machine}"


def main(prefix: str, version: str) -> None:
    with open(os.path.join(prefix, "lib", SONAME), "rb") as file:
        library = file.read()
    tag = f"py3-none-{platform_tag(library)}"
    info = f"{NAME}-{version}.dist-info"
    members: dict[str, bytes] = {}
    package = os.path.join(prefix, "python", NAME)
    for name in sorted(os.listdir(package)):
        if name.endswith((".py", ".typed", ".pyi")):
            with open(os.path.join(package, name), "rb") as file:
                members[f"{NAME}/{name}"] = file.read()
    members[f"{NAME}/{SONAME}"] = library
    members[f"{info}/METADATA"] = METADATA.format(version=version).encode()
    members[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: engine\nRoot-Is-Purelib: false\nTag: {tag}\n").encode()
    rows = []
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    members[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    target = os.path.join(prefix, "python", f"{NAME}-{version}-{tag}.whl")
    for old in os.listdir(os.path.join(prefix, "python")):
        if old.endswith(".whl"):
            os.remove(os.path.join(prefix, "python", old))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (0o755 if name.endswith(SONAME) else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    print(target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
