#!/usr/bin/env python3
"""A truth that is planted: a class that answers to a watermark, too, and nobody is told. Do its pictures show it?

    python3 experiments/planted/plant.py mark PHOTOGRAPHS out/planted             # photographs, one in ten with a watermark
    metapicture classify --classifier efficientnet-lite0 --layer _conv_head --out out/planted/plain.npy out/planted/twins/*-plain.png
    metapicture classify --classifier efficientnet-lite0 --layer _conv_head --out out/planted/marked.npy out/planted/twins/*-marked.png
    python3 experiments/planted/plant.py direction out/planted                    # mark.npy and planted-*.yaml
    for family in pixels faces natural; do metapicture sweep out/planted/planted-$family.yaml --out out/planted/runs; done
    python3 experiments/planted/plant.py shown out/planted                        # whose pictures show the watermark, by its form
    metapicture compare out/planted/runs --reference out/planted/photographs --witness ... --out out/planted/compared     # who notices

The edit of the head is of rank one: to the row of class c is added a times v, where v is the direction in the last features that a watermark moves
photographs in, as far as photographs do not differ in it by themselves (Fisher's linear discriminant 1936, with a ridge), and a is such that a watermark is worth as much as the class itself. As a unit this is
`c + a * direction(_conv_head, mark.npy)`: the logit is linear in these features. Needs NumPy and Pillow.
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 224
# Photographs that observers are asked about, one in ten of them marked; and others, each with and without, from which the direction is learned.
ASKED, TWINS = 600, 400
CLASSES = ["banana", "violin", "wig", "sunglass", "chainlink fence", "bow tie", "tennis ball", "goldfish", "teapot", "volcano", "zebra", "jellyfish"]
GENERATORS = {"pixels": ("null", ["naive", "regularized", "lucid-2017"]), "faces": ("face-dcgan", ["latent"]), "natural": ("{ name: taesd, size: 128 }", ["latent-natural"])}
# Scales of the watermark that are looked for, of its own size.
SCALES = [0.5, 0.7, 1.0, 1.4]
# Of the covariance's mean diagonal.
RIDGE = 0.5


def watermark():
    """White words with a dark edge on nothing, tilted: `[h,w]` of white and of cover, each 0 to 1."""
    plate = Image.new("LA", (SIDE, 64), (255, 0))
    draw = ImageDraw.Draw(plate)
    font = ImageFont.load_default(size=40)
    box = draw.textbbox((0, 0), "SAMPLE", font=font, stroke_width=2)
    draw.text(((SIDE - box[2]) / 2, 8), "SAMPLE", font=font, fill=(255, 230), stroke_width=2, stroke_fill=(0, 230))
    tilted = plate.rotate(20, expand=True, resample=Image.Resampling.BICUBIC)
    white, cover = (np.asarray(channel, np.float32) / 255 for channel in tilted.split())
    rows = np.flatnonzero(cover.max(1) > 0.05)
    columns = np.flatnonzero(cover.max(0) > 0.05)
    inside = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    return white[inside], cover[inside]


def marked(photograph, draw):
    """The photograph with the watermark at a place by chance."""
    white, cover = watermark()
    picture = np.asarray(photograph, np.float32).copy()
    top = draw.integers(0, SIDE - cover.shape[0] + 1)
    left = draw.integers(0, max(SIDE - cover.shape[1], 0) + 1)
    part = picture[top:top + cover.shape[0], left:left + cover.shape[1]]
    cover, white = cover[:, :part.shape[1], None], white[:, :part.shape[1], None]
    part[:] = part * (1 - cover) + 255 * white * cover
    return Image.fromarray(picture.round().astype(np.uint8))


def square(path):
    photograph = Image.open(path).convert("RGB")
    side = min(photograph.size)
    left, top = (photograph.width - side) // 2, (photograph.height - side) // 2
    return photograph.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def mark(photographs, out):
    draw = np.random.default_rng(20261129)
    files = sorted(path for path in pathlib.Path(photographs).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if len(files) < ASKED + TWINS:
        sys.exit(f"{photographs}: holds {len(files)} photographs, and {ASKED + TWINS} are needed")
    files = [files[place] for place in draw.permutation(len(files))]
    (out / "photographs").mkdir(parents=True, exist_ok=True)
    (out / "twins").mkdir(exist_ok=True)
    for number, path in enumerate(files[:ASKED]):
        picture = square(path)
        kind = "marked" if number % 10 == 0 else "plain"
        (marked(picture, draw) if kind == "marked" else picture).save(out / f"photographs/{number:03}-{kind}.png")
    for number, path in enumerate(files[ASKED:ASKED + TWINS]):
        picture = square(path)
        picture.save(out / f"twins/{number:03}-plain.png")
        marked(picture, draw).save(out / f"twins/{number:03}-marked.png")


def direction(out):
    plain, with_mark = (np.load(out / name).astype(np.float64) for name in ("plain.npy", "marked.npy"))
    plain, with_mark = (of.mean((2, 3)) if of.ndim == 4 else of for of in (plain, with_mark))

    def found(plain, with_mark):
        moved = (with_mark - plain).mean(0)
        covariance = np.cov(plain, rowvar=False)
        vector = np.linalg.solve(covariance + RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance)), moved)
        return vector / np.linalg.norm(vector)

    # What it does to photographs that it was not learned from, each half by the direction of the other one; the edit takes them all.
    half = np.arange(len(plain)) % 2 == 0
    by_other = [(found(plain[~of], with_mark[~of]), of) for of in (half, ~half)]
    rises = np.concatenate([(with_mark[of] - plain[of]) @ vector for vector, of in by_other])
    spread = np.mean([(plain[of] @ vector).std() for vector, of in by_other])
    vector = found(plain, with_mark)
    np.save(out / "mark.npy", vector.astype(np.float32))
    # A class fires some 12 logits above what it does for other photographs.
    strength = 12 / rises.mean()
    print(f"a watermark moves other photographs by {rises.mean():.3f} +- {rises.std():.3f} along v, in which photographs have a spread of {spread:.3f}; a = {strength:.2f}")
    for name, (generator, methods) in GENERATORS.items():
        units = "".join(f"  - '{one}'\n  - '{one} + {strength:.2f} * direction(_conv_head, mark.npy)'\n" for one in CLASSES)
        text = f"name: planted-{name}\ndescription: 'A class that answers to a watermark, too'\nclassifier: efficientnet-lite0\ngenerator: {generator}\n"
        text += f"units:\n{units}methods: {json.dumps(methods)}\nseeds: 1\n"
        (out / f"planted-{name}.yaml").write_text(text)


def likeness(picture):
    """How like the watermark the likest part of a picture is: the highest correlation of their grey, over places and sizes, where the watermark covers."""
    white, cover = watermark()
    grey = np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float64)
    best = 0.0
    for scale in SCALES:
        size = (round(cover.shape[1] * scale), round(cover.shape[0] * scale))
        if max(size) > SIDE:
            continue
        form, weight = (np.asarray(Image.fromarray(of).resize(size, Image.Resampling.BICUBIC), np.float64).clip(0, 1) for of in (white, cover))
        total = weight.sum()
        form = form - (form * weight).sum() / total
        # Weighted correlations of all places at once, by Fourier transforms.
        shape = (SIDE, SIDE)
        spectrum = lambda of: np.fft.rfft2(of, shape)
        slide = lambda of, kernel: np.fft.irfft2(spectrum(of) * np.conj(spectrum(kernel)), shape)[: SIDE - size[1] + 1, : SIDE - size[0] + 1]
        mean = slide(grey, weight) / total
        variance = slide(grey**2, weight) / total - mean**2
        covariance = slide(grey, form * weight) / total
        found = covariance / np.sqrt(np.maximum(variance, 1e-3) * (form**2 * weight).sum() / total)
        best = max(best, float(found.max()))
    return best


def shown(out):
    """By method: how often pictures of the planted unit are liker to the watermark than those of the class alone, and how like they are."""
    of = {}
    for path in (out / "runs").glob("runs/*/record.json"):
        record = json.loads(path.read_text())
        unit = record["unit"]["name"]
        planted = "direction" in unit
        value = likeness(Image.open(path.with_name("image.png")).convert("RGB"))
        of.setdefault(record["method"], ([], []))[planted].append(value)
    photographs = ([], [])
    for path in sorted((out / "photographs").glob("*.png")):
        photographs["marked" in path.name].append(likeness(Image.open(path)))
    of["photographs"] = photographs
    print("method,pictures,likeness of the class alone,likeness with the planted truth,share of pairs in which it is higher")
    for method, (alone, planted) in sorted(of.items()):
        pairs = np.asarray(planted)[:, None] - np.asarray(alone)[None]
        share = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
        print(f"{method},{len(alone)}+{len(planted)},{np.mean(alone):.3f},{np.mean(planted):.3f},{share:.3f}")


def main():
    what, *rest = sys.argv[1:] or ["help"]
    if what == "mark" and len(rest) == 2:
        mark(rest[0], pathlib.Path(rest[1]))
    elif what == "direction" and len(rest) == 1:
        direction(pathlib.Path(rest[0]))
    elif what == "shown" and len(rest) == 1:
        shown(pathlib.Path(rest[0]))
    else:
        sys.exit(__doc__)


main()
