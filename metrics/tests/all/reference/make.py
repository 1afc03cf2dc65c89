#!/usr/bin/env python3
"""Makes expected.json, the numbers that the tests of this crate compare with.

Everything here is computed by other people's packages, or in NumPy and SciPy straight from the formulas, never by this
crate. The inputs come from `uniform`, which uniform.rs has, too: integers only, so that both have the same bits. The
committed file was made with Python 3.11 on x86-64 and

    numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0, pingouin 0.7.0, prdc 0.2,
    torch-fidelity 0.4.0, torch 2.13.0, pillow 13.0.0

How to run it:

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0 \\
        pingouin==0.7.0 pillow==13.0.0 torch==2.13.0 tqdm
    venv/bin/pip install --no-deps prdc==0.2 torch-fidelity==0.4.0
    venv/bin/python metrics/tests/all/reference/make.py
"""

import io
import itertools
import json
import pathlib
import sys
from unittest import mock

import numpy as np
import pandas
import pingouin
import scipy
from PIL import Image
from prdc import compute_prdc
from scipy.ndimage import correlate1d
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score
from scipy.special import gamma
from sklearn.metrics.pairwise import polynomial_kernel
from statsmodels.stats.multitest import multipletests

# Its feature extractors want torchvision; its arithmetic does not.
for module in ("", ".datasets", ".transforms", ".transforms.functional", ".models"):
    sys.modules["torchvision" + module] = mock.MagicMock()
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric  # noqa: E402
import torch  # noqa: E402
from uniform import uniform  # noqa: E402


def rows(seed, n, d, shift=0.0):
    return uniform(seed, n * d).reshape(n, d) * 2 - 1 + shift


def exponential(seed, n):
    return -np.log(1 - uniform(seed, n))


def ranks_and_correlations():
    smooth, other = uniform(1, 200), uniform(2, 200)
    tied, other_tied = np.floor(smooth * 8), np.floor((smooth + other) * 4)
    return {
        "ranks_tied": scipy.stats.rankdata(tied).tolist(),
        "spearman": scipy.stats.spearmanr(smooth, smooth + other).statistic,
        "spearman_tied": scipy.stats.spearmanr(tied, other_tied).statistic,
    }


def kid():
    x, y = rows(3, 40, 16), rows(4, 40, 16, 0.3)
    equal = kid_features_to_metric(
        torch.tensor(x), torch.tensor(y), kid_subsets=1, kid_subset_size=40, kid_kernel="poly",
        kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1, rng_seed=0, verbose=False,
    )[KEY_METRIC_KID_MEAN]
    y = y[:25]
    off = lambda k: k[~np.eye(len(k), dtype=bool)].mean()  # noqa: E731
    unequal = off(polynomial_kernel(x)) + off(polynomial_kernel(y)) - 2 * polynomial_kernel(x, y).mean()
    return {"kid_equal": equal, "kid_unequal": float(unequal)}


def coverage():
    real, sample = rows(5, 60, 3), rows(6, 45, 3, 0.4)
    found = compute_prdc(real, sample, nearest_k=5)
    return {"density": float(found["density"]), "coverage": float(found["coverage"])}


def two_choice():
    right, wrong = np.floor(uniform(35, 20) * 6 + 1), np.floor(uniform(36, 50) * 6)
    scores, labels = np.concatenate([right, wrong]), np.repeat([1, 0], [20, 50])
    return {"two_choice": float(roc_auc_score(labels, scores))}


def joint():
    """12 units, 5 methods, two measures of each: all 120 ways to give one measure the methods of the other."""
    first, second = uniform(37, 60).reshape(12, 5), uniform(38, 60).reshape(12, 5)
    second += 0.3 * np.arange(5)
    first[:, 3] += 0.5
    second[0] = 1.0

    def mean(methods, order):
        found = [scipy.stats.spearmanr(a[methods], b[methods][order]).statistic for a, b in zip(first[1:], second[1:])]
        return sum(found) / 12

    every = list(range(5))
    own = mean(every, every)
    far = [abs(mean(every, list(order))) >= abs(own) - 1e-12 for order in itertools.permutations(every)]
    rest = [[method for method in every if method != out] for out in every]
    left = [mean(methods, list(range(4))) for methods in rest]
    return {"joint_correlation": float(own), "joint_p": float(np.mean(far)), "joint_left": [float(min(left)), float(max(left))]}


def variance(x, axis=-1):
    return np.var(x, axis=axis)


def inference():
    differences = uniform(11, 10) - 0.3
    flip = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    # Too many patterns for SciPy's loop, few enough for NumPy.
    more = uniform(12, 20) - 0.4
    signs = 1 - 2 * ((np.arange(2**20)[:, None] >> np.arange(20)) & 1)
    flip_more = np.mean(np.abs(signs @ more) >= abs(more.sum()) - 1e-12)

    tied = np.round((uniform(13, 40) - 0.4) * 10)
    tied = tied[tied != 0]
    biserial = pingouin.wilcoxon(pandas.Series(tied), pandas.Series(np.zeros(len(tied))))["RBC"].iloc[0]

    skewed = exponential(14, 30)
    boot = {}
    for name, statistic in (("mean", np.mean), ("variance", variance)):
        for method in ("BCa", "percentile"):
            found = scipy.stats.bootstrap(
                (skewed,), statistic, n_resamples=100_000, method=method, rng=np.random.default_rng(1), batch=5_000
            ).confidence_interval
            boot[f"bootstrap_{name}_{method.lower()}"] = [float(found.low), float(found.high)]

    p = uniform(15, 20) ** 3
    return boot | {
        "sign_flip_exact": float(flip), "sign_flip_more": float(flip_more), "rank_biserial": float(biserial),
        "holm": multipletests(p, method="holm")[1].tolist(),
    }


def luminance(side, seed):
    """Waves and noise, about 0.1 to 0.9."""
    y, x = np.mgrid[0:side, 0:side].astype(float)
    waves = 0.25 * np.sin(0.11 * x + 0.07 * y) + 0.1 * np.sin(0.53 * x) * np.cos(0.31 * y)
    return 0.5 + waves + 0.1 * (uniform(seed, side * side).reshape(side, side) - 0.5)


def ring_power(picture):
    side = len(picture)
    window = scipy.signal.get_window("hann", side)
    power = np.abs(np.fft.fft2((picture - picture.mean()) * np.outer(window, window))) ** 2
    frequency = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(*np.meshgrid(frequency, frequency))
    rings = np.array([power[np.rint(radius) == f].mean() for f in range(1, side // 2 + 1)])
    return rings, power[radius > side / 4].sum() / (power.sum() - power[0, 0])


def spectrum():
    (rings, fine), (other, _) = ring_power(luminance(64, 21)), ring_power(luminance(64, 22) ** 2)
    band = slice(9, 32)  # Frequencies 10 to 32 in cycles an image.
    f, p, q = np.arange(1, 33)[band], np.log(rings[band]), np.log(other[band])
    difference = (p - p.mean()) - (q - q.mean())
    return {
        "spectrum": rings.tolist(), "spectrum_fine": float(fine),
        "spectrum_slope": float(-np.polyfit(np.log(f), p, 1)[0]),
        "spectrum_rms": float(np.sqrt(np.mean(difference**2))),
    }


def gaussian(values):
    w = np.exp(-((np.arange(-3, 4) / (7 / 6)) ** 2) / 2)
    w /= w.sum()
    return correlate1d(correlate1d(values, w, axis=0, mode="nearest"), w, axis=1, mode="nearest")


def mscn(values):
    mean = gaussian(values)
    # The definition: the weighted variance around the local mean.
    padded = np.pad(values, 3, mode="edge")
    w = np.exp(-((np.arange(-3, 4) / (7 / 6)) ** 2) / 2)
    w = np.outer(w, w) / w.sum() ** 2
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
    deviation = np.sqrt((w * (windows - mean[:, :, None, None]) ** 2).sum(axis=(2, 3)))
    return (values - mean) / (deviation + 1)


def shape_of(ratio):
    """The shape whose E|x|^2 / E x^2 is the ratio."""
    return brentq(lambda a: gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a)) - ratio, 0.2, 10, xtol=1e-14)


def ggd(x):
    a = shape_of(np.abs(x).mean() ** 2 / (x**2).mean())
    return [a, np.sqrt((x**2).mean() * gamma(1 / a) / gamma(3 / a))]


def aggd(x):
    left, right = np.sqrt((x[x < 0] ** 2).mean()), np.sqrt((x[x > 0] ** 2).mean())
    g = left / right
    r = np.abs(x).mean() ** 2 / (x**2).mean() * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2
    a = shape_of(r)
    scale = np.sqrt(gamma(1 / a) / gamma(3 / a))
    left, right = left * scale, right * scale
    return [a, (right - left) * gamma(2 / a) / gamma(1 / a), left, right]


def niqe_features(picture):
    side = len(picture)
    offset, count = side % 96 // 2, side // 96
    values = 255 * picture[offset : offset + 96 * count, offset : offset + 96 * count]
    half = values.reshape(48 * count, 2, 48 * count, 2).mean(axis=(1, 3))
    features = []
    for i in range(count):
        for j in range(count):
            block = []
            for scale, size in ((values, 96), (half, 48)):
                b = mscn(scale)[i * size : (i + 1) * size, j * size : (j + 1) * size]
                block += ggd(b.ravel())
                for one, next in (
                    (b[:, :-1], b[:, 1:]), (b[:-1], b[1:]), (b[:-1, :-1], b[1:, 1:]), (b[:-1, 1:], b[1:, :-1]),
                ):
                    block += aggd((one * next).ravel())
            features.append(block)
    return np.array(features)


def niqe():
    features = niqe_features(luminance(200, 23))
    # A fit needs many blocks; these are as many numbers as it takes.
    one, other = rows(24, 60, 36), rows(25, 50, 36, 0.1) * 1.2
    difference = one.mean(axis=0) - other.mean(axis=0)
    pool = (np.cov(one.T) + np.cov(other.T)) / 2
    few = (np.cov(one[:8].T) + np.cov(other[:8].T)) / 2
    few_difference = one[:8].mean(axis=0) - other[:8].mean(axis=0)
    distance = lambda d, s: float(np.sqrt(d @ np.linalg.pinv(s, rcond=1e-12, hermitian=True) @ d))  # noqa: E731
    return {
        "niqe_features": features.tolist(), "niqe_distance": distance(difference, pool),
        "niqe_distance_few": distance(few_difference, few),
    }


def picture(side, seed):
    grey = luminance(side, seed)
    return np.stack([grey, grey**2, 1 - grey], axis=2)


def coding():
    rgb = picture(64, 26)
    eight = np.rint(rgb * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(eight).save(file, "jpeg", quality=75, subsampling=0)
    back = np.asarray(Image.open(io.BytesIO(file.getvalue())).convert("RGB")).astype(float)
    across, down = np.abs(np.diff(rgb, axis=1)).sum(), np.abs(np.diff(rgb, axis=0)).sum()
    return {
        "variation": float((across + down) / 64**2),
        "luminance_mean": float((rgb @ [0.2126, 0.7152, 0.0722]).mean()),
        "jpeg_bits": 8 * len(file.getvalue()) / 64**2,
        "jpeg_error": float(np.sqrt(((back - eight) ** 2).mean())),
    }


def main():
    expected = {}
    for part in (ranks_and_correlations, kid, coverage, two_choice, joint, inference, spectrum, niqe, coding):
        expected |= part()
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in expected.items())
    pathlib.Path(__file__).with_name("expected.json").write_text("{\n" + lines + "\n}\n")


main()
