"""The inputs that tests and their reference scripts make alike, in uniform.rs, too: integers only, so that both have the same bits."""

import numpy as np

M64 = (1 << 64) - 1


def uniform(seed, count):
    """Numbers within [0, 1): SplitMix64 of the place, its upper 53 bits."""
    numbers = []
    for i in range(count):
        z = (seed * 0x9E3779B97F4A7C15 + (i + 1) * 0xD1B54A32D192ED03) & M64
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        numbers.append(((z ^ (z >> 31)) >> 11) / 2**53)
    return np.array(numbers)
