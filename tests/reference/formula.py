"""The formulas that the scripts beside this file and the tests in Rust make weights and inputs from.

All in wrapping 32-bit unsigned arithmetic. A tensor's element i (flat, row-major), with f = FNV-1a of its name:

    h = i * 2654435761 + f;  h ^= h >> 16;  h *= 2246822519;  h ^= h >> 13;  h *= 3266489917;  h ^= h >> 16
    u = (h >> 8) / 2^24
    running_var(s), stored_var:          0.5 + u
    running_mean(s), stored_mean, bias:  0.2 (u - 0.5)
    others of one dimension:             0.8 + 0.4 u
    others, of I inputs each:            sqrt(6 / I) (2 u - 1)                (He et al. 2015)

computed in 64-bit floats and rounded to 32.
"""

import math

import numpy as np
import torch

MASK = np.uint64(0xFFFFFFFF)


def hashed(count, start):
    h = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(start)) & MASK
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(2246822519)) & MASK
    h ^= h >> np.uint64(13)
    h = (h * np.uint64(3266489917)) & MASK
    return h ^ (h >> np.uint64(16))


def uniform(count, start):
    return (hashed(count, start) >> np.uint64(8)).astype(np.float64) / 2**24


def fnv1a(name):
    h = 2166136261
    for byte in name.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def tensor(name, shape):
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    u = uniform(math.prod(shape), fnv1a(name))
    if name.endswith(("running_var", "running_vars", "stored_var")):
        values = 0.5 + u
    elif name.endswith(("running_mean", "running_means", "stored_mean", "bias")):
        values = 0.2 * (u - 0.5)
    elif len(shape) == 1:
        values = 0.8 + 0.4 * u
    else:
        values = math.sqrt(6 / math.prod(shape[1:])) * (2 * u - 1)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def numbers(values):
    """Mean, population standard deviation, 16 values: those at h(i) mod count for i = 0 .. 15, with f = 777."""
    flat = values.detach().double().flatten()
    places = (hashed(16, 777) % np.uint64(flat.numel())).astype(np.int64)
    chosen = [flat.mean().item(), flat.std(unbiased=False).item(), *flat[torch.from_numpy(places)].tolist()]
    return [float(f"{value:.9g}") for value in chosen]
