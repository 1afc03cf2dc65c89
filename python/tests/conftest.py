"""Networks so narrow that a step takes little of a second: what must hold whatever a network has learned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

CLASSES = ["apple", "banana", "cherry", "damson", "elder"]


class Narrow(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, width, 3, 2, 1)
        self.second = torch.nn.Conv2d(width, width, 3, 2, 1)
        self.last = torch.nn.Linear(width, len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.leaky_relu(self.first(x), 0.2)
        x = torch.nn.functional.leaky_relu(self.second(x), 0.2)
        return self.last(x.mean((2, 3)))


def write_classifier(folder: Path, name: str, width: int) -> None:
    torch.manual_seed(width)
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(Narrow(width).eval(), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=batch)
    torch.export.save(program, folder / f"{name}.pt2")
    (folder / f"{name}.yaml").write_text(
        f"name: {name}\nkind: classifier\narchitecture: exported\nfamily: Family of {name}\n"
        f"config: {{resolution: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], classes: [{', '.join(CLASSES)}]}}\n"
        f"licence: none\nweights: {{source: {{path: '{folder}/{name}.pt2'}}}}\n"
    )


def write_generator(folder: Path) -> None:
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    channels, doublings = 12, 3
    for layer in range(doublings):
        out = 8 << (doublings - 1 - layer)
        stride, padding = (1, 0) if layer == 0 else (2, 1)
        layers += [torch.nn.ConvTranspose2d(channels, out, 4, stride, padding, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU()]
        channels = out
    layers += [torch.nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), torch.nn.Tanh()]
    state = {f"main.{name}": tensor for name, tensor in torch.nn.Sequential(*layers).state_dict().items()}
    torch.save(state, folder / "faces.pth")
    (folder / "faces.yaml").write_text(
        "name: faces\nkind: generator\narchitecture: dcgan\nconfig: {latent: 12, width: 8, channels: 3, resolution: 32}\n"
        f"licence: none\nweights: {{source: {{path: '{folder}/faces.pth'}}}}\n"
    )


class Networks:
    """Paths of manifests."""

    def __init__(self, folder: Path) -> None:
        self.narrow = str(folder / "narrow.yaml")
        self.wider = str(folder / "wider.yaml")
        self.faces = str(folder / "faces.yaml")


USERS_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@pytest.fixture
def users_cache() -> Path:
    """Where the user keeps networks of the zoo; no other test reads it."""
    return USERS_CACHE


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Nothing of the user's, and one of libtorch's threads: what is narrow gains nothing by more.
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    folder = tmp_path_factory.mktemp("networks")
    write_classifier(folder, "narrow", 8)
    write_classifier(folder, "wider", 16)
    write_generator(folder)
    return Networks(folder)


@pytest.fixture
def program():
    """Runs the command line as a process, and returns what came of it."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "metapicture", *(str(word) for word in arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload]

    return run


def write_noise(folder: Path, names: tuple[str, ...], count: int, small: int, size: tuple[int, int], seed: int) -> Path:
    """So many pictures of smooth noise in a folder of each name."""
    numbers = np.random.default_rng(seed)
    for name in names:
        (folder / name).mkdir()
        for number in range(count):
            pixels = numbers.integers(0, 255, (small, small, 3), np.uint8)
            Image.fromarray(pixels).resize(size).save(folder / name / f"{number:02}.png")
    return folder
