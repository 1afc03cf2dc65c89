#!/usr/bin/env python3
"""Builds the wheel of the Python package into dist/, or tests the one that is there in a fresh environment.

`wheel` takes maturin from where it is installed, or brings it into an environment of its own under target/. `test` brings torch by pip, or
takes the packages of another Python with --beside.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
MATURIN = "maturin>=1.16,<2"
# What the words of others are held against. Without its torch beside it, torchvision would bring another one.
OTHERS = ["torch-lucent==0.1.8", "torchvision==0.28.0"]
LARGEST = 40 << 20
# Libraries that come with torch, and those that every Linux with glibc has; the loader finds libstdc++ by torch's own need of it.
NEEDED = {"libtorch_cpu.so", "libtorch.so", "libc10.so", "libtorch_cuda.so", "libc10_cuda.so"}
OF_SYSTEM = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgomp.so.1"}  # fmt: skip


def fail(message):
    sys.exit(f"wheel: {message}")


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], check=False, **options)
    if done.returncode != 0:
        fail(f"{' '.join(str(word) for word in command[:4])} ... failed")


def pip(python, *arguments):
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def the_wheel():
    wheels = sorted(DIST.glob("metapicture-*.whl"))
    if len(wheels) != 1:
        fail(f"there are {len(wheels)} wheels in {DIST}; `make wheel` leaves one")
    return wheels[0]


def maturin():
    found = shutil.which("maturin")
    if found:
        return found
    folder = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "maturin"
    if not (folder / "bin" / "maturin").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip(folder / "bin" / "python", MATURIN)
    return folder / "bin" / "maturin"


def build(profile):
    for old in DIST.glob("metapicture-*.whl"):
        old.unlink()
    # With the paths of this clone the same sources would come to another wheel elsewhere.
    run(maturin(), "build", "--manifest-path", ROOT / "python" / "Cargo.toml", "--profile", profile, "--strip",
        "--locked", "--out", DIST, "--interpreter", sys.executable, cwd=ROOT)  # fmt: skip
    check(the_wheel())


def check(wheel):
    """That it is small, holds no libtorch, and takes nobody's memory over."""
    size = wheel.stat().st_size
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if re.search(r"\.so(\.|$)", name)]
        if len(libraries) != 1:
            fail(f"one library is to be in it, and not {libraries}")
        if "metapicture/py.typed" not in archive.namelist():
            fail("py.typed is not in it")
        with tempfile.TemporaryDirectory() as folder:
            native = archive.extract(libraries[0], folder)
            jemalloc = b"jemalloc" in Path(native).read_bytes()
            dynamic = subprocess.run(["readelf", "-dW", native], capture_output=True, text=True, check=True).stdout
            symbols = subprocess.run(["readelf", "-W", "--dyn-syms", native], capture_output=True, text=True, check=True).stdout
    strangers = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic)) - NEEDED - OF_SYSTEM
    if strangers:
        fail(f"it needs {', '.join(sorted(strangers))}, which torch does not bring")
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        fail("it names folders of this machine to look for libraries in")
    # Taken from the process, as everything that libtorch hands over and frees again.
    taken = set(re.findall(r" UND (\w+)", symbols))
    if not {"malloc", "free"} <= taken or jemalloc:
        fail("it has an allocator of its own, which must not become that of the process")
    if size > LARGEST:
        fail(f"{wheel.name} has {size} bytes, more than {LARGEST}")
    print(f"wheel: {wheel.relative_to(ROOT)}, {size / 1e6:.1f} MB")


def test(beside, arguments):
    wheel = the_wheel()
    with tempfile.TemporaryDirectory() as folder:
        run(beside or sys.executable, "-m", "venv", folder)
        python = Path(folder) / "bin" / "python"
        if beside:
            # Such a Python may be an environment itself, whose packages --system-site-packages does not reach.
            where = "import sysconfig; print(sysconfig.get_path('purelib'))"
            packages = subprocess.run([beside, "-c", where], capture_output=True, text=True, check=True).stdout
            own = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
            Path(own, "beside.pth").write_text(packages)
        # Torch is the one that the wheel names.
        pip(python, f"{wheel}[test]", *OTHERS)
        # Where the other Python has this version, pip takes it for the wheel.
        pip(python, "--force-reinstall", "--no-deps", wheel)
        run(python, "-m", "pytest", "-q", "-rs", *arguments, ROOT / "python" / "tests", cwd=folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("wheel")
    command.add_argument("--profile", default="dev")
    command = commands.add_parser("test")
    command.add_argument("--beside", metavar="PYTHON")
    command.add_argument("arguments", nargs="*")
    arguments = parser.parse_args()
    if arguments.command == "wheel":
        build(arguments.profile)
    else:
        test(arguments.beside, arguments.arguments)


if __name__ == "__main__":
    main()
