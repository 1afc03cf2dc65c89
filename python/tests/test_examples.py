"""The examples of the docstrings, where the user's cache has their networks; METAPICTURE_EXAMPLES=1 lets them be downloaded."""

from __future__ import annotations

import doctest
import importlib
import os
import subprocess
import sys

import pytest

MODULES = [
    "metapicture",
    *(
        f"metapicture._{name}"
        for name in ("classify", "comparison", "embedding", "gallery", "network", "picture", "results", "sweep", "visualize", "zoo")
    ),
]
LUCENT = ["lucent", "lucent.modelzoo", "lucent.modelzoo.util", "lucent.objectives", "lucent.param", "lucent.render", "lucent.transform"]
MODULES += [f"metapicture.{name}" for name in LUCENT]
CODE = "import doctest, importlib, sys; sys.exit(doctest.testmod(importlib.import_module(sys.argv[1])).failed)"


def test_every_public_thing_has_words():
    for name in MODULES:
        module = importlib.import_module(name)
        found = doctest.DocTestFinder(exclude_empty=False).find(module, name)
        bare = [each.name for each in found if not each.docstring and not each.name.rpartition(".")[2].startswith("_")]
        assert not bare


@pytest.mark.parametrize("module", MODULES)
def test_examples_of(module, users_cache):
    cached = users_cache / "metapicture" / "zoo"
    if not cached.exists() and not os.environ.get("METAPICTURE_EXAMPLES"):
        pytest.skip("no networks of the zoo are here")
    environment = {**os.environ, "XDG_CACHE_HOME": str(users_cache)}
    done = subprocess.run([sys.executable, "-c", CODE, module], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
