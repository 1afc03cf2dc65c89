#!/usr/bin/env python3
"""Makes the reference numbers that tests/fast/filters.rs compares with: the filters of SciPy, scikit-image,
OpenCV and NumPy.

Nothing here is computed by metapicture. The committed file was made with Python 3.11 on x86-64 and

    numpy 2.4.6, scipy 1.17.1, scikit-image 0.26.0, opencv-python-headless 5.0.0.93, safetensors 0.8.0

How to run it:

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 \\
        opencv-python-headless==5.0.0.93 safetensors==0.8.0
    venv/bin/python tests/reference/make_filters.py --out tests/reference/filters

What it writes into --out, filters.safetensors (f32, `[1,3,H,W]`, computed in f64):

    picture         48 x 40 pixels of a cat (chelsea.png of scikit-image), in [0,1], with noise of deviation 0.002, so
                    that no two pixels are exactly alike and order statistics have one answer
    gradient        noise of the same shape, in the place of a gradient
    gauss.<sigma>   scipy.ndimage.gaussian_filter, mode "reflect"
    bilateral.*     the definition in NumPy; cv2.bilateralFilter of the green channel; and, for the Euclidean distance of
                    colours, skimage.restoration.denoise_bilateral with equal weights over the window
    tv.*            skimage.restoration.denoise_tv_chambolle, eps 0
    lapnorm.*       the pyramid of the DeepDream notebook, by scipy.signal.convolve2d
    small_norm.*, small_contribution.*    with numpy.percentile
"""

import argparse
import importlib.metadata
from pathlib import Path

import cv2
import numpy as np
import skimage
from safetensors.numpy import save_file
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage.restoration import denoise_bilateral, denoise_tv_chambolle

PACKAGES = ["numpy", "scipy", "scikit-image", "opencv-python-headless", "safetensors"]

# The mean colour of ImageNet, the usual zero of a classifier's input.
CENTRE = np.array([0.485, 0.456, 0.406])


def split(image):
    """One level of the notebook's pyramid of a plane: what is kept at half the size, and the rest."""
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    size = np.array(image.shape)
    kept = (size + 1) // 2
    padding = np.maximum((kept - 1) * 2 + 5 - size, 0)
    before = padding // 2
    padded = np.pad(image, [(b, p - b) for b, p in zip(before, padding)])
    low = convolve2d(padded, kernel, mode="valid")[::2, ::2]
    return low, image - enlarge(low, image.shape)


def enlarge(low, shape):
    """Four times the transpose of the kernel at every second pixel."""
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    spread = np.zeros([2 * n - 1 for n in low.shape])
    spread[::2, ::2] = low
    full = convolve2d(spread, 4 * kernel, mode="full")
    padding = [max((n - 1) * 2 + 5 - size, 0) for n, size in zip(low.shape, shape)]
    top, left = (p // 2 for p in padding)
    return full[top : top + shape[0], left : left + shape[1]]


def lapnorm(gradient, levels):
    """Of planes [3,H,W]; a band's root mean square is over the three."""

    def normalized(planes):
        return planes / max(np.sqrt(np.mean(planes**2)), 1e-10)

    bands = []
    low = gradient
    for _ in range(levels):
        pairs = [split(plane) for plane in low]
        low = np.stack([pair[0] for pair in pairs])
        bands.append(np.stack([pair[1] for pair in pairs]))
    merged = normalized(low)
    for band in reversed(bands):
        merged = normalized(band) + np.stack([enlarge(plane, band.shape[1:]) for plane in merged])
    return merged


def bilateral(picture, color, spatial, radius):
    """Of planes [3,H,W], the border's pixels repeated."""
    _, height, width = picture.shape
    padded = np.pad(picture, [(0, 0), (radius, radius), (radius, radius)], mode="edge")
    total, weights = 0, 0
    for y in range(2 * radius + 1):
        for x in range(2 * radius + 1):
            other = padded[:, y : y + height, x : x + width]
            color_term = ((other - picture) ** 2).sum(0) / (2 * color**2)
            spatial_term = ((y - radius) ** 2 + (x - radius) ** 2) / (2 * spatial**2)
            weight = np.exp(-color_term - spatial_term)
            total, weights = total + weight * other, weights + weight
    return total / weights


def small(picture, measure, percentile):
    """Pixels whose measure is below the percentile, set to the centre."""
    below = measure < np.percentile(measure, percentile)
    return np.where(below, CENTRE[:, None, None], picture)


def main():
    parser = argparse.ArgumentParser(description="Make the reference numbers of tests/fast/filters.rs.")
    parser.add_argument("--out", type=Path, required=True, help="directory to write into; made if it is missing")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    random = np.random.default_rng(0)
    crop = skimage.data.chelsea()[100:148, 130:170].astype(np.float64) / 255
    crop = (crop + 0.002 * random.standard_normal(crop.shape)).clip(0, 1)
    # What Rust reads is f32, so everything starts from that.
    picture = crop.transpose(2, 0, 1).astype(np.float32).astype(np.float64)
    gradient = random.standard_normal(picture.shape).astype(np.float32).astype(np.float64)
    image = np.ascontiguousarray(picture.transpose(1, 2, 0))

    made = {"picture": picture, "gradient": gradient}
    for sigma in [1.0, 20.0]:
        made[f"gauss.{sigma}"] = gaussian_filter(picture, sigma, axes=(1, 2), mode="reflect")
    made["bilateral.numpy"] = bilateral(picture, 0.05, 3.0, 6)
    # OpenCV's window is round; at a radius of six deviations its missing corners weigh nothing.
    green = picture[1].astype(np.float32)
    filtered = cv2.bilateralFilter(green, 13, 0.1, 1.0, borderType=cv2.BORDER_REPLICATE)
    made["bilateral.opencv"] = filtered[None]
    # scikit-image 0.26 takes sigma_color for each channel of three, so that it acts as three times as much, and its table
    # of distances is shifted for odd windows, which does not matter where the distances do not.
    filtered = denoise_bilateral(
        image,
        win_size=9,
        sigma_color=0.1 / 3,
        sigma_spatial=1e6,
        bins=10_000_000,
        mode="edge",
        channel_axis=-1,
    )
    made["bilateral.skimage"] = filtered.transpose(2, 0, 1)
    for weight, iterations in [(0.5, 2), (0.1, 50)]:
        filtered = denoise_tv_chambolle(image, weight=weight, eps=0, max_num_iter=iterations, channel_axis=-1)
        made[f"tv.{weight}.{iterations}"] = filtered.transpose(2, 0, 1)
    made["lapnorm.4"] = lapnorm(gradient, 4)
    made["lapnorm.odd"] = lapnorm(gradient[:, :45, :39], 4)
    norm = np.sqrt(((picture - CENTRE[:, None, None]) ** 2).sum(0))
    contribution = np.abs(((picture - CENTRE[:, None, None]) * gradient).sum(0))
    for percentile in [30, 95]:
        made[f"small_norm.{percentile}"] = small(picture, norm, percentile)
        made[f"small_contribution.{percentile}"] = small(picture, contribution, percentile)

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    made = {name: np.ascontiguousarray(value[None], dtype=np.float32) for name, value in made.items()}
    save_file(made, out / "filters.safetensors", {"made_with": versions})
    print(versions, (out / "filters.safetensors").stat().st_size)


if __name__ == "__main__":
    main()
