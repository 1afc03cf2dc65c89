#!/usr/bin/env python3
"""Brings libtorch 2.13.0 into the user's cache and links it at .libtorch in the project's root.

libtorch is taken from the wheel `torch` as pip delivers it, so that no other download site is needed; the local
Python's own version does not matter (3.9 or later). `--device cpu` keeps the CPU part alone (about 490 MB: two
small CUDA runtime libraries that libtorch_cpu.so names are taken along); `--device cuda` keeps everything and adds
the CUDA wheels that torch asks for. Nothing is done where LIBTORCH or LIBTORCH_USE_PYTORCH is set.
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "2.13.0"
# name, version, sha256 of the wheel for x86-64 Linux
TORCH = ("torch", VERSION, "796633c4cdf0fe2cdced72d8f88f22e73dbcfce83132763162f6d4bff13b820b")
CPU_NEEDS = [
    ("nvidia-cuda-runtime", "13.0.96", "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
    ("nvidia-cuda-cupti", "13.0.85", "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"),
]
CPU_LIBRARIES = {"libc10.so", "libtorch_cpu.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}
# pip compares platform tags word for word, so every one that a wheel for a current Linux may bear is named.
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(17, 35)] + ["manylinux2014_x86_64"]
PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", "3.12",
       "--implementation", "cp", *(f"--platform={platform}" for platform in PLATFORMS)]  # fmt: skip


def fail(message):
    sys.exit(f"setup: {message}")


def cache_root():
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "metapicture"


def download(name, version, folder, sha256=None):
    """The wheel of one package, checked against its sha256 where one is given."""
    print(f"setup: downloading {name} {version}", file=sys.stderr, flush=True)
    target = Path(tempfile.mkdtemp(dir=folder))
    requirement = f"{name}{version}" if version[:1] in "<>=!~" else f"{name}=={version}"
    run = subprocess.run([*PIP, "--dest", str(target), requirement])
    wheels = list(target.glob("*.whl"))
    if run.returncode != 0 or len(wheels) != 1:
        fail(f"pip could not download {requirement}; is `python3 -m pip` installed, and a package index reachable?")
    if sha256:
        digest = hashlib.sha256()
        with wheels[0].open("rb") as wheel:
            while block := wheel.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != sha256:
            fail(f"{wheels[0].name} has sha256 {digest.hexdigest()}, expected {sha256}; nothing was installed")
    return wheels[0]


def cuda_requirements(wheel):
    """What the torch wheel asks for beside itself on x86-64 Linux: the CUDA libraries, with their versions."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    needs = []  # name, extras, version
    for line in lines:
        found = re.match(r"Requires-Dist: ((?:nvidia|cuda)-[A-Za-z0-9_.-]+)(?:\[([a-z0-9_,-]+)\])?\s*\(?([<>=!~][^;)]*)", line)
        if found and found.group(1) != "cuda-bindings":  # Python's, not the library's
            needs.append((found.group(1), (found.group(2) or "").split(","), found.group(3).replace(" ", "")))
    return needs


def extras_of(wheel, extras):
    """The packages behind the extras of a meta-package such as cuda-toolkit[cublas,...]."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    for line in lines:
        found = re.match(r"Requires-Dist: (nvidia-[A-Za-z0-9_.-]+)\s*\(?([<>=!~][^;)]*)\)?\s*;(.*)", line)
        if found and any(f'"{e}"' in found.group(3) or f"'{e}'" in found.group(3) for e in extras):
            if "win32" not in found.group(3) or "linux" in found.group(3):
                yield found.group(1), found.group(2).strip().replace(" ", "")


def extract(wheel, wanted, strip, into):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            target = wanted(member.filename)
            if target is None or member.is_dir():
                continue
            path = into / strip(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)


def extract_licences(wheel, into):
    """The licences of PyTorch and of what is compiled into it."""
    name = re.compile(r"torch-[^/]*\.dist-info/(?:licenses/)?((?:.*/)?(?:LICENSE|NOTICE|COPYING)[^/]*)$")
    extract(wheel, lambda member: (found := name.match(member)) and found.group(1), lambda member: member, into)


def build_cpu(root, folder):
    wheel = download(*TORCH[:2], folder, TORCH[2])
    extract_licences(wheel, root / "licenses")

    def of_torch(name):
        if name.startswith("torch/include/"):
            return name[len("torch/"):]
        if name.startswith("torch/lib/") and name[len("torch/lib/"):] in CPU_LIBRARIES:
            return name[len("torch/"):]
        return None

    extract(wheel, of_torch, lambda name: name, root)
    for need in CPU_NEEDS:
        other = download(*need[:2], folder, need[2])
        extract(other, lambda name: Path(name).name if Path(name).name in CPU_LIBRARIES else None,
                lambda name: Path("lib") / name, root)  # fmt: skip
    missing = [name for name in sorted(CPU_LIBRARIES) if not (root / "lib" / name).exists()]
    if missing:
        fail(f"the wheels no longer hold {', '.join(missing)}")
    # The wheel's own libtorch.so names the CUDA half; this linker script names the CPU half alone.
    (root / "lib" / "libtorch.so").write_text("INPUT(libtorch_cpu.so libc10.so)\n")


def build_cuda(root, folder):
    wheel = download(*TORCH[:2], folder, TORCH[2])
    extract(wheel, lambda name: name[len("torch/"):] if name.startswith(("torch/include/", "torch/lib/")) else None,
            lambda name: name, root)  # fmt: skip
    libraries = lambda name: Path(name).name if re.search(r"/lib/[^/]+\.so[^/]*$", name) else None
    brought = set()

    def bring(name, version):
        if name not in brought:
            brought.add(name)
            other = download(name, version, folder)
            extract(other, libraries, lambda found: Path("lib") / found, root)
            return other

    for name, extras, version in cuda_requirements(wheel):
        other = bring(name, version)
        for inner, inner_version in extras_of(other, extras) if other else ():
            bring(inner, inner_version)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    for variable in ("LIBTORCH", "LIBTORCH_USE_PYTORCH"):
        if os.environ.get(variable):
            print(f"setup: {variable} is set and wins; nothing to do", file=sys.stderr)
            return
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        fail(f"libtorch is brought for x86-64 Linux only; on {platform.system()} {platform.machine()} install "
             f"torch=={VERSION} with pip and set LIBTORCH_USE_PYTORCH=1")  # fmt: skip
    link = Path(__file__).resolve().parent.parent / ".libtorch"
    home = cache_root() / f"libtorch-{VERSION}-{arguments.device}"
    if not (home / "build-version").exists():
        cache_root().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_root(), prefix="libtorch-") as folder:
            root = Path(folder) / "libtorch"
            (build_cuda if arguments.device == "cuda" else build_cpu)(root, folder)
            (root / "build-version").write_text(f"{VERSION}\n")
            try:
                root.rename(home)  # whole or not at all
            except OSError:
                if not (home / "build-version").exists():  # else: another process was first
                    raise
    if not link.is_symlink() or Path(os.readlink(link)) != home.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(home.resolve())
    print(f"setup: libtorch {VERSION} ({arguments.device}) is at {home}", file=sys.stderr)


if __name__ == "__main__":
    main()
