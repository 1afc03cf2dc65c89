#!/usr/bin/env python3
"""Makes imagenet_above.txt: what WordNet 3.0 has above the 1000 classes of ImageNet-1k, up to `entity`, one synset a line, as

    wnid <TAB> wnids right above it, separated by spaces <TAB> lemmas, separated by ", " (none of the classes themselves, whose are in imagenet_classes.txt)

Source: the file data.noun of WordNet 3.0, Copyright 2006 by Princeton University, used under the WordNet licence (Debian's package wordnet-base has it):

    python classifiers/src/imagenet_above.py data.noun > classifiers/src/imagenet_above.txt
"""

import sys
from pathlib import Path

parents, lemmas = {}, {}
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        if line.startswith(" "):
            continue
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        lemmas[fields[0]] = [word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]]
        rest = fields[4 + 2 * count + 1 :]
        pointers = [rest[place : place + 4] for place in range(0, len(rest) - 3, 4)]
        # "@" is a kind of, "@i" an instance of.
        parents[fields[0]] = [pointer[1] for pointer in pointers if pointer[0] in ("@", "@i") and pointer[2] == "n"]

lines = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
classes = [line.split("\t")[0][1:] for line in lines]
known, left = set(classes), list(classes)
while left:
    for parent in parents[left.pop()]:
        if parent not in known:
            known.add(parent)
            left.append(parent)
sys.stdout.reconfigure(encoding="utf-8", newline="\n")
for number in sorted(known):
    words = "" if number in classes else ", ".join(lemmas[number])
    print(f"n{number}", " ".join(f"n{parent}" for parent in sorted(parents[number])), words, sep="\t")
