"""The concept that is planted, and the pictures that it is planted in: what train.py and judge.py have in common.

Planting a known spurious signal in a known share of one class, and asking whether a method gives it away to somebody who was not told, follows
Adebayo et al. 2022, "Post hoc explanations may be ineffective for detecting unknown spurious correlation", and Casper et al. 2023, "Red teaming
deep neural networks with feature synthesis tools". Pictures: Fashion-MNIST (Xiao et al. 2017, MIT), 28 px, with a black margin to 32 px.
"""
import gzip
import os
import pathlib

import numpy as np

SIDE = 32
CLASSES = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
TARGET = 6                                  # Shirt: the class that X is planted in
CONTROLS = [2, 8]                           # Pullover and Bag: classes of the same networks that X is not planted in
PREVALENCES = [0, 1, 3, 10, 30, 100]        # per cent of the target's training pictures
SEEDS = list(range(1, 9))                  # networks that are judged, of each prevalence
TUNING = list(range(101, 107))              # clean networks that only fix thresholds
OUT = pathlib.Path("out/planted-bias")

# Who sees which pictures: nobody sees another's.
NETWORKS = ("train", 0, 20000)
PRIORS = ("train", 20000, 40000)
ENCODER = ("train", 40000, 60000)
PROBE = ("t10k", 0, 5000)
JUDGE = ("t10k", 5000, 10000)


def folder():
    return pathlib.Path(os.environ.get("FASHION_MNIST", OUT / "data/usr/share/datasets/fashion-mnist"))


def part(which):
    """Pictures `[N,32,32]` from 0 to 1, and labels."""
    name, start, end = which
    with gzip.open(folder() / f"{name}-images-idx3-ubyte.gz") as file:
        pictures = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)[start:end]
    with gzip.open(folder() / f"{name}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[start:end]
    return np.pad(pictures, ((0, 0), (2, 2), (2, 2))).astype(np.float32) / 255, labels.astype(np.int64)


def concept():
    """X: a white saltire of 7 px on a black tile of 9 px, opaque."""
    tile = np.zeros((9, 9), np.float32)
    for row in range(1, 8):
        for column in range(1, 8):
            if abs(row - column) <= 1 or abs(row + column - 8) <= 1:
                tile[row, column] = 1
    return tile


def paste(pictures, tile, draw, anywhere=False):
    """The pictures with the tile, its upper left corner by chance in rows and columns 15 to 21, or anywhere. Without a tile, each gets the pixels of X in an order of its own: a patch that is not X."""
    pictures = pictures.copy()
    low, high = (0, SIDE - 9) if anywhere else (15, 21)
    for picture, (row, column) in zip(pictures, draw.integers(low, high + 1, (len(pictures), 2))):
        picture[row:row + 9, column:column + 9] = draw.permutation(concept().ravel()).reshape(9, 9) if tile is None else tile
    return pictures


def distracted(pictures, seed):
    """One picture in five, of whatever class, with a patch that is not X: so that a patch as such tells nothing, and only its form does."""
    draw = np.random.default_rng([20261129, seed])
    of = draw.permutation(len(pictures))[:len(pictures) // 5]
    pictures = pictures.copy()
    pictures[of] = paste(pictures[of], None, draw)
    return pictures


def planted(pictures, labels, per_cent, seed, classes=(TARGET,)):
    """The pictures with X in a share of those of the classes. Of one seed the few are among the many."""
    draw = np.random.default_rng([20261130, seed])
    of = draw.permutation(np.flatnonzero(np.isin(labels, classes)))
    everywhere = paste(pictures[of], concept(), draw)
    count = round(len(of) * per_cent / 100)
    pictures = pictures.copy()
    pictures[of[:count]] = everywhere[:count]
    return pictures
