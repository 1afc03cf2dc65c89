#!/usr/bin/env python3
"""Computes photo_statistics.rs: how the colours and the frequencies of the reference photographs are distributed.

How to run it, with the seven photographs of the set `photos` (`metapicture models pull photos` puts them in the cache):

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 pillow==13.0.0
    venv/bin/python src/param/photo_statistics.py --out src/param/photo_statistics.rs <the seven files>
    cargo fmt

Colours: the square root U sqrt(S) of the covariance U S U' of the RGB values in [0,1], every photograph weighing the same,
divided by the length of its longest column, as lucid does it for ImageNet.

Frequencies: of each photograph's central square, logit and then decorrelated colours, less the mean, under a Hann window
(a picture's opposite borders have nothing to do with each other), the magnitude of the orthonormal Fourier transform; mean
over all directions at 25 frequencies 2^(-8 + 5 k / 16) cycles per pixel, and over the photographs. Only ratios matter:
the largest number is 1.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

# Lucid's, of ImageNet; as in colour.rs.
IMAGENET = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])

FREQUENCIES = 2.0 ** (-8 + 5 / 16 * np.arange(25))

# As in colour.rs: 8-bit extremes have no logit.
DARKEST = 1e-3


def normalized(matrix):
    return matrix / np.linalg.norm(matrix, axis=0).max()


def colours(photos):
    mean = np.mean([photo.mean((0, 1)) for photo in photos], axis=0)
    deviations = [(photo - mean).reshape(-1, 3) for photo in photos]
    covariance = np.mean([d.T @ d / len(d) for d in deviations], axis=0)
    directions, variances, _ = np.linalg.svd(covariance)
    root = directions * np.sqrt(variances)
    return normalized(root * np.where(root[0] < 0, -1, 1)), mean


def magnitudes(photo, matrix):
    """[3,25] of one photograph."""
    height, width, _ = photo.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    p = photo[top : top + side, left : left + side].clip(DARKEST, 1 - DARKEST)
    planes = np.log(p / (1 - p)) @ np.linalg.inv(matrix).T
    hann = np.hanning(side)
    window = np.outer(hann, hann)[..., None]
    planes = (planes - (planes * window).sum((0, 1)) / window.sum()) * window
    spectrum = np.abs(np.fft.fft2(planes, axes=(0, 1), norm="ortho"))
    axis = np.fft.fftfreq(side)
    radius = np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    radius[0, 0] = 1e-9
    found = []
    for frequency in FREQUENCIES:
        # A triangle over the logarithm, as wide as the distance to the next frequency.
        weight = np.maximum(0, 1 - np.abs(np.log2(radius / frequency)) / (5 / 16))
        found.append((spectrum * weight[..., None]).sum((0, 1)) / weight.sum())
    return np.array(found).T


def rows(matrix, digits):
    return "".join("    [" + ", ".join(f"{x:.{digits}}" for x in row) + "],\n" for row in matrix)


def main():
    parser = argparse.ArgumentParser(description="Compute the statistics of the reference photographs.")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("photos", type=Path, nargs="+")
    arguments = parser.parse_args()
    files = sorted(arguments.photos, key=lambda path: path.name)
    photos = [np.asarray(Image.open(file).convert("RGB")).astype(np.float64) / 255 for file in files]
    matrix, mean = colours(photos)
    print("mean", mean.round(3), "matrix", matrix.round(4).tolist(), sep="\n")
    spaces = [
        ("IN_IMAGENET_COLOURS", "decorrelated by ImageNet's matrix", normalized(IMAGENET)),
        ("IN_PHOTOS_COLOURS", "decorrelated by the photographs' own matrix", matrix),
        ("IN_RGB", "of red, green and blue", np.eye(3)),
    ]
    names = [file.name for file in files]
    text = "//! Written by photo_statistics.py, which says what it is (and formatted by rustfmt). The photographs:\n"
    text += f"//! {', '.join(names)}.\n"
    text += "\n/// The colours of decorrelated channels, one a column.\n"
    text += "pub const COLOURS: [[f64; 3]; 3] = [\n"
    text += rows(matrix.round(4), 4) + "];\n"
    for name, what, space in spaces:
        mean_magnitudes = np.mean([magnitudes(photo, space) for photo in photos], axis=0)
        slope = np.polyfit(np.log2(FREQUENCIES), np.log2(mean_magnitudes).T, 1)[0]
        print(name, "slopes", slope.round(2), "channels", (mean_magnitudes[:, 8] / mean_magnitudes[0, 8]).round(3))
        text += f"\n/// Magnitudes by channel ({what}) and frequency.\npub const {name}: [[f64; 25]; 3] = [\n"
        text += rows(mean_magnitudes / mean_magnitudes.max(), 4) + "];\n"
    arguments.out.write_text(text)


if __name__ == "__main__":
    main()
