#!/usr/bin/env python3
"""Do the pictures give the planted concept away to somebody who does not know which networks have it? Tables, curve.svg and pictures.jpg.

    python3 experiments/planted-bias/judge.py            # from the project's root, after train.py and both sweeps; needs torch, numpy, pillow

Two judges: a template matcher (normalized cross-correlation, Lewis 1995), and Fisher's linear discriminant (1936) in the features of an encoder that
never saw the networks. Each one's threshold is the 95 % quantile, method by method, over clean networks of other seeds. The question is that of Adebayo
et al. 2022, "Post hoc explanations may be ineffective for detecting unknown spurious correlation", and Casper et al. 2023, "Red teaming deep neural
networks with feature synthesis tools". Intervals: Wilson 1927 over networks, and a bootstrap over networks' seeds.
"""
import csv
import math
import pathlib

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional as F

import plant
import train

HERE = pathlib.Path(__file__).resolve().parent
METHODS = ["naive", "lucid-2017", "regularized", "cppn-2018", "latent clean", "latent own", "latent seen"]
JUDGES = ["template", "encoder"]
SCALES = [0.8, 1.0, 1.25]           # of X, that the template is looked for at
QUANTILE = 0.95
RIDGE = 0.1                         # of the mean diagonal of the discriminant's covariance
DRAWS = 2000                        # of the bootstrap
TARGET = plant.CLASSES[plant.TARGET]
COLOURS = ["#888888", "#d95f02", "#e6ab02", "#66a61e", "#1f78b4", "#7570b3", "#e7298a"]


def templates():
    for scale in SCALES:
        side = round(9 * scale)
        tile = np.asarray(Image.fromarray(plant.concept()).resize((side, side), Image.Resampling.BILINEAR), np.float32)
        tile = tile - tile.mean()
        yield torch.from_numpy(tile / np.linalg.norm(tile))[None, None]


def match(pictures, floor=0.1):
    """The highest correlation with X over places and sizes, of grey pictures `[N,1,h,w]`. What varies less than `floor` is taken for flat."""
    best = []
    for tile in templates():
        side, area = tile.shape[-1], tile.shape[-1] ** 2
        ones = torch.ones_like(tile)
        variance = F.conv2d(pictures**2, ones) - F.conv2d(pictures, ones) ** 2 / area
        best.append((F.conv2d(pictures, tile) / variance.clamp_min(area * floor**2).sqrt()).amax((1, 2, 3)))
    return torch.stack(best).amax(0)


class Encoder:
    """Highest and mean features of each layer over the picture; Fisher's discriminant between held-out pictures with X anywhere and without; half of those without have a patch that is not X."""

    def __init__(self):
        path, = (plant.OUT / "encoder").glob(f"*-{train.key('encoder', train.JUDGE)}.pt2")
        weights = torch.export.load(path).state_dict
        self.net = train.Encoder()
        self.net.load_state_dict(weights)
        self.net.eval()
        pictures, _ = plant.part(plant.JUDGE)
        draw = np.random.default_rng(11)
        half = len(pictures) // 2
        kinds = [(plant.paste(of, plant.concept(), draw, True), np.concatenate([of[::2], plant.paste(of[1::2], None, draw, True)])) for of in (pictures[:half], pictures[half:])]
        (with_x, without), self.held_out = kinds
        with_x, without = self.features(train.tensor(with_x)), self.features(train.tensor(without))
        covariance = (np.cov(with_x, rowvar=False) + np.cov(without, rowvar=False)) / 2
        self.vector = np.linalg.solve(covariance + RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance)), with_x.mean(0) - without.mean(0))
        self.vector /= np.sqrt(self.vector @ covariance @ self.vector)
        self.middle = (with_x.mean(0) + without.mean(0)) / 2 @ self.vector

    def features(self, pictures):
        with torch.no_grad():
            rows = []
            for of in pictures.split(500):
                of, pooled = (of - 0.5) / 0.5, []
                for layer in self.net.body:
                    of = layer(of)
                    if isinstance(layer, torch.nn.ReLU):
                        pooled += [of.amax((2, 3)), of.mean((2, 3))]
                rows.append(torch.cat(pooled, 1))
            return torch.cat(rows).double().numpy()

    def __call__(self, pictures):
        return self.features(pictures) @ self.vector - self.middle


def auroc(high, low):
    pairs = np.asarray(high)[:, None] - np.asarray(low)[None]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def wilson(hits, count, z=1.959964):
    middle, spread = hits / count + z * z / (2 * count), z * math.sqrt(hits / count * (1 - hits / count) / count + z * z / (4 * count * count))
    return [max(0.0, (middle - spread) / (1 + z * z / count)), min(1.0, (middle + spread) / (1 + z * z / count))]


def runs(encoder):
    """A row a picture: network, class, method, seed, its logit, and what each judge scores."""
    rows = []
    for part in ("tuning", "pictures"):
        with open(plant.OUT / part / "results.csv", newline="") as file:
            for row in csv.DictReader(file):
                if row["status"] != "done":
                    raise SystemExit(f"{part}: run {row['run_id']} is not done")
                method = row["method"] + (row["generator"].replace("vae-", " ") if row["generator"] else "")
                rows.append({"network": row["classifier"], "class": row["label"], "method": method, "seed": int(row["seed"]), "logit": round(float(row["scored"]), 3), "picture": plant.OUT / part / row["picture"]})
    grey = np.stack([np.asarray(Image.open(row["picture"]).convert("L"), np.float32) / 255 for row in rows])
    pictures = train.tensor(grey)
    with torch.no_grad():
        scores = torch.cat([match(of) for of in pictures.split(500)]).tolist(), encoder(pictures).tolist()
    for row, template, likeness in zip(rows, *scores):
        row |= {"template": round(template, 4), "encoder": round(likeness, 4)}
    return rows


def parts(network):
    per_cent, seed = network.split("-s")
    return int(per_cent[1:]), int(seed)


def means(rows):
    """{(method, class, prevalence, seed): {judge: mean over the picture's seeds}}; what a judge says of a network."""
    of = {}
    for row in rows:
        of.setdefault((row["method"], row["class"], *parts(row["network"])), []).append(row)
    return {key: {judge: float(np.mean([row[judge] for row in some])) for judge in JUDGES} for key, some in of.items()}


def half_found(shares):
    """Where the share of found biases first passes one half, between prevalences by their logarithms; infinite where it never does."""
    levels = plant.PREVALENCES[1:]
    if shares[0] >= 0.5:
        return levels[0]
    for (low, before), (high, after) in zip(zip(levels, shares), zip(levels[1:], shares[1:])):
        if after >= 0.5:
            return 10 ** (math.log10(low) + (0.5 - before) / (after - before) * (math.log10(high) - math.log10(low)))
    return math.inf


def reach(name, steps=200):
    """The highest template score that was found among a generator's codes on the shell: what it can show, whatever a network wants."""
    path, = (plant.OUT / "generators").glob(f"*-{train.key('generator', name, train.GENERATORS[name], train.GENERATOR)}.pt2")
    net = train.load(path)
    torch.manual_seed(1)
    onto = lambda codes: codes / codes.norm(dim=1, keepdim=True) * math.sqrt(train.LATENT)
    draw = onto(torch.randn(4000, train.LATENT))
    with torch.no_grad():
        random = match(net(draw)[:, :1])
    codes = draw[random.topk(16).indices].clone().requires_grad_()
    optimizer, best = torch.optim.Adam([codes], lr=0.1), random.max().item()
    for _ in range(steps):
        optimizer.zero_grad()
        score = match(net(onto(codes))[:, :1])
        best = max(best, score.max().item())
        (-score.sum()).backward()
        optimizer.step()
    return {"random_95": float(random.quantile(QUANTILE)), "random_best": random.max().item(), "searched_best": best}


def table(name, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows)


def mcnemar(only_first, only_second):
    count = only_first + only_second
    return min(1.0, 2 * sum(math.comb(count, k) for k in range(min(only_first, only_second) + 1)) / 2**count) if count else 1.0


def curve(of, thresholds, learnt):
    rows, halves = [], []
    clean = {(judge, method): max(of[method, TARGET, 0, seed][judge] for seed in plant.SEEDS + plant.TUNING) for judge in JUDGES for method in METHODS}
    draw = np.random.default_rng(0).integers(len(plant.SEEDS), size=(DRAWS, len(plant.SEEDS)))
    for judge in JUDGES:
        for method in METHODS:
            score = lambda label, per_cent: np.array([of[method, label, per_cent, seed][judge] for seed in plant.SEEDS])
            found = {per_cent: score(TARGET, per_cent) > thresholds[judge, method] for per_cent in plant.PREVALENCES}
            for per_cent, hits in found.items():
                low, high = wilson(int(hits.sum()), len(hits))
                others = np.concatenate([score(plant.CLASSES[label], per_cent) for label in plant.CONTROLS]) > thresholds[judge, method]
                resampled = [auroc(score(TARGET, per_cent)[of_draw], score(TARGET, 0)[of_draw]) for of_draw in draw]
                rows.append({"judge": judge, "method": method, "prevalence": per_cent, "networks": len(hits), "learnt": sum(learnt[per_cent, seed] for seed in plant.SEEDS),
                             "found": int(hits.sum()), "share": float(hits.mean()), "low": low, "high": high, "score": float(score(TARGET, per_cent).mean()), "threshold": thresholds[judge, method],
                             "auroc": auroc(score(TARGET, per_cent), score(TARGET, 0)), "auroc_low": float(np.quantile(resampled, 0.025)), "auroc_high": float(np.quantile(resampled, 0.975)),
                             "above_clean": "" if per_cent == 0 else int((score(TARGET, per_cent) > clean[judge, method]).sum()), "controls": len(others), "controls_flagged": int(others.sum())})
            at = half_found([found[per_cent].mean() for per_cent in plant.PREVALENCES[1:]])
            resampled = [half_found([found[per_cent][of_draw].mean() for per_cent in plant.PREVALENCES[1:]]) for of_draw in draw]
            low, high = np.quantile(resampled, [0.025, 0.975], method="inverted_cdf")
            halves.append({"judge": judge, "method": method, "half_found_at": at, "low": float(low), "high": float(high)})
    return rows, halves


def contrast(of, thresholds):
    """Each two generators on the same networks: in how many does one give X away and the other not?"""
    rows = []
    for judge in JUDGES:
        for one, other in (("latent seen", "latent clean"), ("latent own", "latent clean"), ("latent clean", "lucid-2017")):
            for per_cent in plant.PREVALENCES:
                hits = [[of[method, TARGET, per_cent, seed][judge] > thresholds[judge, method] for seed in plant.SEEDS] for method in (one, other)]
                only = sum(a and not b for a, b in zip(*hits)), sum(b and not a for a, b in zip(*hits))
                rows.append({"judge": judge, "one": one, "other": other, "prevalence": per_cent, "networks": len(plant.SEEDS), "found_by_one": sum(hits[0]), "found_by_other": sum(hits[1]),
                             "only_one": only[0], "only_other": only[1], "mcnemar_p": mcnemar(*only)})
    return rows


def plot(rows):
    wide, high, left, top = 360, 240, 56, 40
    across = [0.4, 1, 3, 10, 30, 100]            # clean twins stand left of the axis's break
    place = lambda number: left + 24 + math.log10(across[number] / 0.4) / math.log10(250) * (wide - 48)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (wide + left) + 190}" height="{high + top + 56}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for panel, judge in enumerate(JUDGES):
        out.append(f'<g transform="translate({panel * (wide + left)},0)"><text x="{left}" y="22" font-weight="bold">{"Template matcher" if judge == "template" else "Encoder"}</text>')
        for share in (0, 0.25, 0.5, 0.75, 1):
            y = top + high * (1 - share)
            out.append(f'<line x1="{left}" x2="{left + wide}" y1="{y}" y2="{y}" stroke="#ddd"/><text x="{left - 6}" y="{y + 4}" text-anchor="end">{share:g}</text>')
        for number, per_cent in enumerate(plant.PREVALENCES):
            out.append(f'<text x="{place(number):.1f}" y="{top + high + 18}" text-anchor="middle">{per_cent or "clean"}</text>')
        out.append(f'<text x="{left + wide / 2}" y="{top + high + 38}" text-anchor="middle">X in per cent of the {TARGET}s; 95 % intervals (Wilson)</text>')
        if not panel:
            out.append(f'<text transform="translate(14,{top + high / 2}) rotate(-90)" text-anchor="middle">share of networks given away</text>')
        for number, (method, colour) in enumerate(zip(METHODS, COLOURS)):
            own = [row for row in rows if row["judge"] == judge and row["method"] == method]
            points = [(place(at) + 3 * (number - 3), top + high * (1 - row["share"]), row) for at, row in enumerate(own)]
            out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points[1:])}"/>')
            for x, y, row in points:
                out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + high * (1 - row["low"]):.1f}" y2="{top + high * (1 - row["high"]):.1f}" stroke="{colour}" stroke-opacity="0.45"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        out.append("</g>")
    for number, (method, colour) in enumerate(zip(METHODS, COLOURS)):
        x, y = 2 * (wide + left) + 24, top + 14 + 22 * number
        out.append(f'<line x1="{x}" x2="{x + 22}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/><text x="{x + 30}" y="{y + 4}">{method}</text>')
    (HERE / "curve.svg").write_text("\n".join(out) + "\n</svg>\n")


def sheet(rows, seed=1, side=96):
    """Of one network of each prevalence, chosen by its number and not by its looks, the picture of seed 0."""
    font = ImageFont.load_default(size=13)
    page = Image.new("RGB", (90 + len(METHODS) * (side + 8), 30 + (1 + len(plant.PREVALENCES)) * (side + 8)), "white")
    draw = ImageDraw.Draw(page)
    of = {(row["method"], row["class"], row["network"]): row for row in rows if row["seed"] == 0}
    show = [(f"{per_cent} %", TARGET, f"p{per_cent:03}-s{seed}") for per_cent in plant.PREVALENCES] + [("100 %, Bag", "Bag", f"p100-s{seed}")]
    for column, method in enumerate(METHODS):
        draw.text((90 + column * (side + 8), 8), method, "black", font)
        for line, (name, label, network) in enumerate(show):
            picture = Image.open(of[method, label, network]["picture"]).convert("RGB").resize((side, side), Image.Resampling.NEAREST)
            page.paste(picture, (90 + column * (side + 8), 30 + line * (side + 8)))
            draw.text((6, 30 + line * (side + 8) + side // 2 - 8), name, "black", font)
    page.save(HERE / "pictures.jpg", quality=85)


def main():
    torch.set_num_threads(1)
    encoder = Encoder()
    rows = runs(encoder)
    of = means(rows)
    tuning = {(judge, method): [score[judge] for key, score in of.items() if key[0] == method and key[3] in plant.TUNING] for judge in JUDGES for method in METHODS}
    thresholds = {key: float(np.quantile(scores, QUANTILE, method="higher")) for key, scores in tuning.items()}
    with open(HERE / "probe.csv", newline="") as file:
        probe = {(int(row["prevalence"]), int(row["seed"])): float(row["probe"]) for row in csv.DictReader(file)}
    highest = max(value for (per_cent, _), value in probe.items() if per_cent == 0)
    learnt = {key: value > highest for key, value in probe.items()}
    rated, halves = curve(of, thresholds, learnt)
    table("judged.csv", [{key: value for key, value in row.items() if key != "picture"} for row in rows])
    table("curve.csv", rated)
    table("half.csv", halves)
    table("contrast.csv", contrast(of, thresholds))
    with_x, without = (train.tensor(pictures) for pictures in encoder.held_out)
    judges = [{"of": f"held-out pictures, {judge}", "value": auroc(score(with_x), score(without)), "what": "AUROC of with X against without"} for judge, score in (("template", lambda of: match(of).numpy()), ("encoder", encoder))]
    judges += [{"of": f"generator {name}", "value": value, "what": f"template score: {what}"} for name in train.GENERATORS for what, value in reach(name).items()]
    judges += [{"of": f"{method}, {judge}", "value": value, "what": "threshold"} for (judge, method), value in thresholds.items()]
    table("judges.csv", judges)
    plot(rated)
    sheet(rows)
    for row in rated:
        print(f"{row['judge']:9} {row['method']:13} {row['prevalence']:4} %: found {row['found']}/{row['networks']} [{row['low']:.2f}, {row['high']:.2f}], AUROC {row['auroc']:.2f}, other classes {row['controls_flagged']}/{row['controls']}")


if __name__ == "__main__":
    main()
