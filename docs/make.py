#!/usr/bin/env python3
"""Builds the manual into target/manual, by mdBook.

The pages of docs/src/ point at pictures and pages elsewhere in the repository, so that they can be read there, too. mdBook takes nothing from
outside of one folder: this lays everything that is pointed at beside the pages, under target/manual-source/, and bends the links. The experiments'
pages become the manual's last part.

mdBook is taken from the PATH, or compiled once into target/tools.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "target" / "manual-source"
BUILT = ROOT / "target" / "manual"
TOOLS = ROOT / "target" / "tools"
MDBOOK = "0.5.4"

# Pages from elsewhere that are part of the manual: title and place.
MORE = {
    "Experiments": [
        ("All experiments", "experiments/README.md"),
        ("What legibility costs", "experiments/legibility.md"),
        ("A planted bias", "experiments/planted-bias/README.md"),
        ("Claims", "experiments/critique/README.md"),
        ("Networks that were read as programs", "experiments/imported.md"),
        ("A scholar's day", "experiments/walkthroughs/scholar.md"),
        ("A critic's day", "experiments/walkthroughs/critic.md"),
        ("A researcher's day", "experiments/walkthroughs/researcher.md"),
        ("An engineer's day", "experiments/walkthroughs/engineer.md"),
    ],
    "The project": [
        ("Architecture", "ARCHITECTURE.md"),
        ("Contributing", "CONTRIBUTING.md"),
        ("Changes", "CHANGELOG.md"),
    ],
}
LINK = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\[\]]*\]\([^()]*\)|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")


def in_book(path):
    """Where a file of the repository lies in the book."""
    relative = path.relative_to(ROOT)
    # mdBook renames README.md, and leaves links to it as they are.
    relative = relative.with_name("index.md") if relative.name == "README.md" else relative
    return relative.relative_to("docs/src") if relative.is_relative_to("docs/src") else relative


def bend(text, page, pages, wanted):
    """A page's text with its links as they are in the book. `wanted` takes files that are to be copied."""

    def bent(match):
        mark, words, link = match.groups()
        if not mark:
            # A picture may be the words of a link.
            words = LINK.sub(bent, words)
        file, hash_, heading = link.partition("#")
        if "://" in link or link.startswith("mailto:") or not file:
            return f"{mark}[{words}]({link})"
        target = (page.parent / file).resolve()
        if target == ROOT / "README.md":
            target = DOCS / "src" / "index.md"
        if target.is_file() and (target in pages or target.suffix != ".md"):
            wanted.add(target)
            to = os.path.relpath(in_book(target), in_book(page).parent)
            return f"{mark}[{words}]({to}{hash_}{heading})"
        # A folder, or a page that is not in the book: its words alone.
        return words

    out, code = [], False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("```"):
            code = not code
        out.append(line if code else LINK.sub(bent, line))
    return "".join(out)


def lay():
    """Lays pages and pictures beside each other."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    own = [path for path in (DOCS / "src").rglob("*.md") if path.name != "SUMMARY.md"]
    more = [ROOT / place for part in MORE.values() for _, place in part]
    pages, wanted = set(own) | set(more), set()
    for page in pages:
        to = SOURCE / "src" / in_book(page)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(bend(page.read_text(encoding="utf-8"), page, pages, wanted), encoding="utf-8")
    for path in wanted - pages:
        to = SOURCE / "src" / in_book(path)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
    summary = (DOCS / "src" / "SUMMARY.md").read_text(encoding="utf-8")
    for part, entries in MORE.items():
        summary += f"\n# {part}\n\n" + "".join(f"- [{title}]({in_book(ROOT / place)})\n" for title, place in entries)
    (SOURCE / "src" / "SUMMARY.md").write_text(summary, encoding="utf-8")
    for name in ("book.toml", "manual.css"):
        shutil.copyfile(DOCS / name, SOURCE / name)


def mdbook():
    found = shutil.which("mdbook")
    if found:
        return found
    own = TOOLS / "bin" / "mdbook"
    if not own.exists():
        print(f"manual: no mdbook on the PATH; mdBook {MDBOOK} is compiled into target/tools, some minutes", file=sys.stderr)
        # Its dependencies are compiled apart from the workspace's.
        environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
        asked = ["mdbook", "--locked", "--version", MDBOOK, "--no-default-features", "--features", "search"]
        command = ["cargo", "install", *asked, "--root", TOOLS]
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            sys.exit("manual: mdBook could not be installed; install it in another way, and run this again")
    return own


def main():
    program = mdbook()
    lay()
    if subprocess.run([program, "build", SOURCE, "--dest-dir", BUILT], check=False).returncode != 0:
        sys.exit("manual: mdBook failed")
    print(f"manual: {(BUILT / 'index.html').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
