#!/usr/bin/env python3
"""Makes imagenet_classes.txt: the 1000 ImageNet-1k (ILSVRC-2012) classes in index order, one a line, as

    wnid <TAB> primary name <TAB> WordNet lemmas, separated by ", "

Sources: primary names are torchvision's `_IMAGENET_CATEGORIES` (torchvision 0.28.0, BSD-3-Clause); wnids and lemmas are
`imagenet_synsets.txt` and `imagenet_synset_to_lemma.txt` of timm 1.0.31 (Apache-2.0; the lemmas themselves come from
WordNet, under the WordNet licence). Primary names are unique as they stand, but only if case counts (`Cardigan` is a
dog, `cardigan` a garment); lemmas are not unique. Run, in a venv with `pip install torchvision==0.28.0` and
`pip install --no-deps timm==1.0.31`:

    python classifiers/src/imagenet_classes.py > classifiers/src/imagenet_classes.txt
"""

import importlib.util
import sys
from pathlib import Path

from torchvision.models._meta import _IMAGENET_CATEGORIES as primary

info = Path(importlib.util.find_spec("timm").submodule_search_locations[0]) / "data" / "_info"
wnids = (info / "imagenet_synsets.txt").read_text().split()
lines = (info / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
lemmas = dict(line.split("\t") for line in lines)

# Class indices are the ranks of the wnids; both lists must be in that order.
assert len(primary) == len(wnids) == 1000 and wnids == sorted(set(wnids))
assert len(set(primary)) == 1000
for index, (wnid, name) in enumerate(zip(wnids, primary)):
    # torchvision's name is the first lemma, but for two names that it made unique.
    assert name == lemmas[wnid].split(", ")[0] or (index, name) in [(134, "crane bird"), (639, "maillot tank suit")]

sys.stdout.reconfigure(encoding="utf-8", newline="\n")
for wnid, name in zip(wnids, primary):
    print(wnid, name, lemmas[wnid], sep="\t")
