#!/usr/bin/env python3
"""How far pictures are from photographs in a network's features: KID (Binkowski et al. 2018), from layers that the program wrote.

    metapicture classify --classifier bvlc_googlenet --layer inception_5b --out photographs.npy PHOTOGRAPH...
    metapicture classify --classifier bvlc_googlenet --layer inception_5b --out pictures.npy out/natural/runs/*/image.png
    python3 experiments/natural/kid.py photographs.npy pictures.npy...

Activations `[N,C,H,W]` are averaged over positions. The kernel is ((x.y)/C + 1)^3, the estimate the unbiased one; +- is a standard error by a
jackknife over pictures. 0 is what photographs have among themselves. Needs NumPy.
"""
import sys

import numpy as np


def features(path):
    rows = np.load(path, mmap_mode="r")
    return np.asarray(rows.mean((2, 3)) if rows.ndim == 4 else rows, np.float64)


def kernel(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3


def without_diagonal(square):
    return (square.sum() - np.trace(square)) / (len(square) * (len(square) - 1))


def kid(own, mixed, natural):
    return without_diagonal(own) + natural - 2 * mixed.mean()


photographs = features(sys.argv[1])
among = kernel(photographs, photographs)
natural = without_diagonal(among)
# Every second one to the others: files are sorted by class mostly.
even, odd = among[::2, ::2], among[1::2, 1::2]
halves = kid(even, among[::2, 1::2], without_diagonal(odd))
print(f"{sys.argv[1]}: {len(photographs)} photographs; every second one to the others {halves:.3f}")
for path in sys.argv[2:]:
    pictures = features(path)
    own, mixed = kernel(pictures, pictures), kernel(pictures, photographs)
    count = len(pictures)
    others = [np.delete(np.arange(count), number) for number in range(count)]
    left = np.array([kid(own[np.ix_(rest, rest)], mixed[rest], natural) for rest in others])
    error = np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum())
    print(f"{path}: {count} pictures; KID {kid(own, mixed, natural):.3f} +- {error:.3f}")
