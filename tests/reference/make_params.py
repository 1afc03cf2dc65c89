#!/usr/bin/env python3
"""Makes the reference numbers that tests/fast/params.rs compares with: lucent's Fourier parameterization, and a pyramid that
PyTorch enlarges.

The committed file was made with Python 3.11 on x86-64 and

    torch 2.13.0, torch-lucent 0.1.8, numpy 2.4.6, safetensors 0.8.0

How to run it:

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 torchvision torch-lucent==0.1.8 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/reference/make_params.py --out tests/reference

What it writes into --out, params.safetensors (f32):

    even.spectrum, odd.spectrum    normal numbers, [2,3,H,W/2+1,2], for 12 x 16 and 13 x 11 pixels (height x width); of an
                                   odd width lucent has one column more, which its transform does not look at
    even.picture, odd.picture      lucent's pictures of them, decorrelated colours
    steep.picture                  of even.spectrum with decay power 1.5 and plain colours
    level_1, level_2, level_4      normal numbers, [2,3,h,w], for 13 x 18 pixels
    pyramid                        their sum, enlarged bilinearly, in lucent's colours
"""

import argparse
import importlib.metadata
from pathlib import Path

import torch
from lucent.optvis.param.color import to_valid_rgb
from lucent.optvis.param.spatial import fft_image
from safetensors.torch import save_file

PACKAGES = ["torch", "torch-lucent", "numpy", "safetensors"]


def fourier(numbers, height, width, decay=1, decorrelate=True):
    parameters, image = fft_image([len(numbers), 3, height, width], decay_power=decay)
    with torch.no_grad():
        # The column that is too many stays lucent's own noise.
        parameters[0][:, :, :, : numbers.shape[3]] = numbers
        return to_valid_rgb(image, decorrelate=decorrelate)().contiguous()


def main():
    parser = argparse.ArgumentParser(description="Make the reference numbers of tests/fast/params.rs.")
    parser.add_argument("--out", type=Path, required=True, help="directory to write into")
    out = parser.parse_args().out
    torch.manual_seed(0)
    made = {"even.spectrum": torch.randn(2, 3, 12, 9, 2), "odd.spectrum": torch.randn(2, 3, 13, 6, 2)}
    made["even.picture"] = fourier(made["even.spectrum"], 12, 16)
    made["odd.picture"] = fourier(made["odd.spectrum"], 13, 11)
    made["steep.picture"] = fourier(made["even.spectrum"], 12, 16, decay=1.5, decorrelate=False)

    total = 0
    for level in [1, 2, 4]:
        numbers = torch.randn(2, 3, 13 // level, 18 // level)
        made[f"level_{level}"] = numbers
        total = total + torch.nn.functional.interpolate(numbers, (13, 18), mode="bilinear", align_corners=False)
    made["pyramid"] = to_valid_rgb(lambda: total, decorrelate=True)().contiguous()

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    save_file(made, out / "params.safetensors", {"made_with": versions})
    print(versions, {name: list(value.shape) for name, value in made.items()})


if __name__ == "__main__":
    main()
