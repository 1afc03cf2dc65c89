#!/usr/bin/env python3
"""Makes the tables of what codes of photographs are like (`NAME.safetensors` beside this file), from photographs whose licences allow it.

    python3 generators/codes/make.py FOLDER [NAME ...]

FOLDER takes the photographs; without any NAME they are only brought there. It needs Debian's `apt-get` and `dpkg-deb`, Python alone, and
the program at target/debug/metapicture with the networks NAME and NAME-encoder in its cache.

The photographs are those of Debian's packages (bookworm), whose `copyright` and README files name each picture's author and licence:
  gcompris-qt-data         animals, monuments and musicians of GCompris (KDE): CC-BY-SA, CC-BY, CC0 and public domain
  lomiri-wallpapers-16.04  photographs by Ubuntu's community: CC-BY-SA 3.0 and 4.0
  mate-backgrounds         plants and weather of MATE: GPL-2+ and CC-BY-SA 4.0
A table holds means and covariances of Fourier coefficients over all of them, and no picture.
"""
import struct
import subprocess
import sys
import zlib
from pathlib import Path

# Package, and the files in it that are photographs: by the beginning of their names, or those of a Qt resource file below a folder.
WALLPAPERS = {
    "lomiri-wallpapers-16.04": [
        "Bridge_", "Dragonfly_", "Picture_", "Wine_", "aitzgorri_", "free_", "friends_", "greentock_", "life_", "picosdeeuropa_", "seeding_",
        "sunset_",
    ],
    "mate-backgrounds": [
        "Aqua", "Blinds", "Dune", "FreshFlower", "Garden", "GreenMeadow", "LadyBird", "RainDrops", "Storm", "TwoWings", "Wood", "YellowFlower",
    ],
}  # fmt: skip
GCOMPRIS = "gcompris-qt-data"
ACTIVITIES = ["erase", "explore_farm_animals", "explore_monuments", "explore_world_animals", "explore_world_music"]
PICTURES = (".jpg", ".jpeg", ".webp")
# Smaller files are signs and drawings.
LEAST_BYTES = 20_000


def resources(data):
    """The files of a Qt resource file (rcc), by their names: a tree of nodes of 14 or, from version 2 on, 22 bytes."""
    magic, version, tree, contents, names = struct.unpack(">4sIIII", data[:20])
    assert magic == b"qres"
    width = 14 if version == 1 else 22
    pending = [(0, "")]
    while pending:
        index, parent = pending.pop()
        name_at, flags = struct.unpack_from(">IH", data, tree + index * width)
        (length,) = struct.unpack_from(">H", data, names + name_at)
        name = data[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be") if index else ""
        if flags & 2:
            count, first = struct.unpack_from(">II", data, tree + index * width + 6)
            pending += [(child, f"{parent}/{name}") for child in range(first, first + count)]
            continue
        (at,) = struct.unpack_from(">I", data, tree + index * width + 10)
        (size,) = struct.unpack_from(">I", data, contents + at)
        content = data[contents + at + 4 : contents + at + 4 + size]
        yield f"{parent}/{name}", zlib.decompress(content[4:]) if flags & 1 else content


def photographs(folder):
    folder.mkdir(parents=True, exist_ok=True)
    packages = [GCOMPRIS, *WALLPAPERS]
    subprocess.run(["apt-get", "download", *packages], cwd=folder, check=True)
    for archive in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", archive, folder / "packages"], check=True)
        archive.unlink()
    found = folder / "photographs"
    found.mkdir(exist_ok=True)
    for path in sorted((folder / "packages").rglob("*")):
        beginnings = [beginning for of_package in WALLPAPERS.values() for beginning in of_package]
        if path.is_file() and "backgrounds" in path.parts and path.suffix == ".jpg" and path.name.startswith(tuple(beginnings)):
            (found / path.name).write_bytes(path.read_bytes())
    for activity in ACTIVITIES:
        (path,) = (folder / "packages").rglob(f"{activity}.rcc")
        for name, content in resources(path.read_bytes()):
            if name.endswith(PICTURES) and len(content) >= LEAST_BYTES:
                (found / f"{activity}-{Path(name).name}").write_bytes(content)
    print(f"{len(list(found.iterdir()))} photographs")
    return found


if __name__ == "__main__":
    where = photographs(Path(sys.argv[1]))
    here = Path(__file__).parent
    for model in sys.argv[2:]:
        table = Path(sys.argv[1]) / f"{model}.safetensors"
        program = here.parents[1] / "target/debug/metapicture"
        subprocess.run([program, "models", "learn-codes", model, where, "--crops", "5", "--out", table], check=True)
        (here / table.name).write_bytes(table.read_bytes())
