"""A PC under Bochs: boots a Linux kernel with files of ours, without a boot loader or a disk, and reads its console.

Bochs is at https://github.com/bochs-emu/Bochs. Everything that a boot loader would do is done here: the unpacked
kernel, its real-mode part, its command line and the files lie in emulated memory when it starts (emulator/boot.S)."""
import glob, lzma, os, shutil, stat, struct, subprocess, sys, time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "emulator")
SETUP, ENTRY, FILES = 0x90000, 0x100000, 0x8000000
HEAP_END, COMMAND_LINE, SETUP_BYTES = 0xe000, 0xe000, 0xe800
# Without an A20 pin: with one, Bochs loads images to addresses that its state of before the start masks.
CONFIGURE = ["--disable-a20-pin", "--enable-cpu-level=6", "--enable-x86-64", "--enable-avx", "--enable-evex",
             "--enable-amx", "--enable-pci", "--enable-all-optimizations", "--enable-protection-keys", "--enable-cet",
             "--enable-vmx=2", "--enable-svm", "--disable-docbook", "--with-nogui"]
SETTINGS = """
config_interface: textconfig
display_library: nogui
cpu: model={cpu}, count=1, ips=50000000, reset_on_triple_fault=0, msrs=""
memory: guest={megabytes}, host={megabytes}
romimage: file={bios}
vgaromimage: file={video}
optromimage1: file={work}/boot.rom, address=0xd0000
optramimage1: file={work}/entry, address={ENTRY:#x}
optramimage2: file={work}/kernel, address={kernel_at:#x}
optramimage3: file={work}/files, address={FILES:#x}
boot: floppy
clock: sync=none, time0=1700000000
com1: enabled=1, mode=file, dev={work}/console
log: {work}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


def checked(command, **how):
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    if ended.returncode != 0:
        raise SystemExit("%s\n%s" % (" ".join(command), ended.stdout[-3000:]))
    return ended.stdout


def build_bochs(folder):
    """The program in a folder of Bochs' sources, made there if it is not."""
    if not os.path.exists(os.path.join(folder, "configure")):
        folder = os.path.join(folder, "bochs")  # the top of the repository
    program = os.path.join(folder, "bochs")
    with open(os.path.join(folder, "cpu/proc_ctrl.cc"), encoding="latin-1") as file:
        patched = "bx_xfd" in file.read()
    if not patched:
        checked(["patch", "-p1", "-i", os.path.join(HERE, "bochs-amx.patch")], cwd=folder)
    if not patched or not os.path.isfile(program):
        print("building Bochs in", folder, flush=True)
        checked(["./configure"] + CONFIGURE, cwd=folder)
        checked(["make", "-j2"], cwd=folder)
    return program


def debian_kernel(folder):
    """Debian's kernel for amd64, fetched by apt and unpacked, not installed."""
    os.makedirs(folder, exist_ok=True)
    found = glob.glob(folder + "/boot/vmlinuz-*")
    if not found:
        depends = checked(["apt-cache", "depends", "linux-image-amd64"])
        name = [line.split()[1] for line in depends.splitlines() if "Depends:" in line][0]
        checked(["apt-get", "download", name], cwd=folder)
        checked(["dpkg", "-x", glob.glob(folder + "/linux-image-*.deb")[0], folder])
        found = glob.glob(folder + "/boot/vmlinuz-*")
    return found[0]


def unpacked_kernel(image):
    """(where it is to be loaded, its bytes, its real-mode part) of a bzImage."""
    setup_bytes = (image[0x1f1] + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[setup_bytes + offset:setup_bytes + offset + length]
    if payload[:6] == b"\xfd7zXZ\0":
        elf = lzma.LZMADecompressor().decompress(payload)
    else:
        tool = {b"\x28\xb5": "zstd", b"\x1f\x8b": "gzip", b"\x02\x21": "lz4"}[payload[:2]]
        elf = subprocess.run([tool, "-dc"], input=payload, stdout=subprocess.PIPE).stdout
    entry, table = struct.unpack_from("<QQ", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", elf, table + i * size) for i in range(count)]
    parts = [(h[4], h[2], h[5]) for h in headers if h[0] == 1]  # physical address, offset, bytes
    start = min(part[0] for part in parts)
    if entry != start:
        raise SystemExit("the kernel does not start where it is loaded")
    memory = bytearray(max(part[0] + part[2] for part in parts) - start)
    for address, at, bytes_ in parts:
        memory[address - start:address - start + bytes_] = elf[at:at + bytes_]
    return start, bytes(memory), image[:setup_bytes]


def real_mode_part(setup, command_line, num_bytes):
    """Setup code as a boot loader leaves it in memory, with the command line behind its heap."""
    memory = bytearray(setup.ljust(SETUP_BYTES, b"\0"))
    text = command_line.encode() + b"\0"
    memory[COMMAND_LINE:COMMAND_LINE + len(text)] = text
    memory[0x210] = 0xff                                    # a loader without a number
    memory[0x211] = (memory[0x211] | 0x80) & ~0x20          # there is a heap
    struct.pack_into("<I", memory, 0x214, ENTRY)            # where its 32-bit part would be
    struct.pack_into("<II", memory, 0x218, FILES, num_bytes)
    struct.pack_into("<H", memory, 0x224, HEAP_END - 0x200)
    struct.pack_into("<I", memory, 0x228, SETUP + COMMAND_LINE)
    return bytes(memory)


def assembled(work, name, address, defines):
    source, target = os.path.join(HERE, "boot.S"), os.path.join(work, name)
    checked(["gcc", "-m32", "-c", source, "-o", target + ".o"] + defines)
    checked(["ld", "-m", "elf_i386", "-e", "0", "-Ttext", hex(address), "--oformat", "binary", target + ".o",
             "-o", target])


def option_rom(work, setup):
    assembled(work, "boot.rom", 0, ["-DROM", "-DSETUP_BYTES=%d" % len(setup)])
    with open(work + "/boot.rom", "rb") as file:
        rom = bytearray(file.read().ljust(512, b"\0"))
    rom[511] = -sum(rom) & 255
    with open(work + "/boot.rom", "wb") as file:
        file.write(rom + setup)


class Files:
    """What the machine finds when it starts: an archive of the form the kernel unpacks (cpio)."""

    def __init__(self):
        self.folders, self.parts, self.count = set(), [], 0

    def _entry(self, name, mode, content):
        self.count += 1
        fields = [self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        self.parts.append(head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4))

    def folder(self, name):
        if name and name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def add(self, name, content, mode=0o755):
        self.folder(os.path.dirname(name.strip("/")))
        self._entry(name.strip("/"), stat.S_IFREG | mode, content)

    def add_file(self, path, name):
        with open(path, "rb") as file:
            self.add(name, file.read())

    def add_program(self, path, name):
        """With the libraries that it names."""
        self.add_file(path, name)
        listed = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        for word in listed.split():
            if word.startswith("/") and word not in self.folders:
                self.folders.add(word)
                self.add_file(os.path.realpath(word), word)

    def archive(self):
        self._entry("TRAILER!!!", 0, b"")
        return b"".join(self.parts)


class Machine:
    def __init__(self, program, kernel, work):
        self.program, self.work = program, work
        with open(kernel, "rb") as file:
            self.kernel_at, self.kernel, self.setup = unpacked_kernel(file.read())

    def run(self, cpu, files, commands, seconds, megabytes=1024):
        """Runs commands, [(name, {environment}, [program, argument...])], and gives {name: (exit code, output)}."""
        work = os.path.join(self.work, cpu)
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        lines = ["\t".join([name] + ["%s=%s" % item for item in env.items()] + words) for name, env, words in commands]
        checked(["gcc", "-O1", "-static", os.path.join(HERE, "init.c"), "-o", work + "/init"])
        whole = Files()
        whole.parts, whole.folders, whole.count = list(files.parts), set(files.folders), files.count
        whole.add_file(work + "/init", "init")
        whole.add("commands", ("\n".join(lines) + "\n").encode())
        assembled(work, "entry", ENTRY, ["-DKERNEL=%#x" % self.kernel_at])
        archive = whole.archive()
        # 580 is FSRM: the kernel takes "fast strings" for switched off and then copies wrongly where it is left on.
        line = ("console=ttyS0,115200 loglevel=2 nokaslr mitigations=off panic=-1 tsc=reliable lpj=1000000 "
                "edd=off clearcpuid=580 random.trust_cpu=on no_timer_check")
        option_rom(work, real_mode_part(self.setup, line, len(archive)))
        for name, content in [("kernel", self.kernel), ("files", archive)]:
            with open(os.path.join(work, name), "wb") as file:
                file.write(content)
        bios = os.path.join(os.path.dirname(self.program), "bios")
        with open(work + "/bochsrc", "w") as file:
            file.write(SETTINGS.format(
                cpu=cpu, megabytes=megabytes, work=work, bios=bios + "/BIOS-bochs-latest", kernel_at=self.kernel_at,
                video=bios + "/VGABIOS-lgpl/VGABIOS-lgpl-latest.bin", ENTRY=ENTRY, FILES=FILES))
        return self.watch(work, seconds)

    def watch(self, work, seconds):
        """Until the machine switches itself off, or its time is over."""
        command = [self.program, "-q", "-f", work + "/bochsrc"]
        with open(work + "/bochs.out", "wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.5)
        if process.poll() is None:
            process.kill()
            process.wait()
        try:
            with open(work + "/console", "rb") as file:
                console = file.read().decode(errors="replace").replace("\r", "")
        except FileNotFoundError:
            console = ""
        results, name, lines = {}, None, []
        for text in console.split("\n"):
            if text.startswith("@@begin "):
                name, lines = text.split()[1], []
            elif text.startswith("@@end "):
                results[text.split()[1]] = int(text.split()[2]), "\n".join(lines).strip()
                name = None
            elif name is not None:
                lines.append(text)
        if name is not None:
            results[name] = None, "\n".join(lines).strip()
        if "@@off" not in console:
            print("the machine did not get to its end:", work + "/console", file=sys.stderr)
        return results
