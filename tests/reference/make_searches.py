#!/usr/bin/env python3
"""Makes the reference codes of DGN-AM and PPGN: their loops with PyTorch's layers and weights from a formula.

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/reference/make_searches.py starts.safetensors tests/reference/searches.safetensors

DGN-AM as in act_max.py of github.com/Evolving-AI-Lab/synthesizing, PPGN as in sampler.py of github.com/Evolving-AI-Lab/ppgn (with the
whole gradient of the log probability, as in the paper's equation 11); both written here from what they do. The starts are what
`cargo test --test fast searches -- --ignored` writes: standard normal codes of this project's generator of random numbers. Everything is
computed in 64-bit floats. CaffeNet and the generator of fc6 are those of make_decoders.py.
"""

import argparse

import torch
from safetensors.torch import load_file, save_file

from make_decoders import caffenet, deepsim, weight

CLASS = 945
STEPS = 6


def with_weights(make):
    with torch.device("meta"):
        model = make()
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict({name: weight(name, shape) for name, shape in shapes.items()}, assign=True)
    return model.double().eval().requires_grad_(False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("starts")
    parser.add_argument("out")
    arguments = parser.parse_args()
    start = load_file(arguments.starts)["start"].double().view(1, -1)
    generator, network = with_weights(lambda: deepsim("fc6")), with_weights(caffenet)
    fc6 = []
    network.relu6.register_forward_hook(lambda _m, _i, output: fc6.append(output.detach()))

    def seen(h):
        picture = generator(h)[:, :, 14:241, 14:241]  # blue, green, red; the network turns red, green, blue itself
        return network(picture.flip(1))[0]

    def gradient(value, h):
        h = h.clone().requires_grad_(True)
        return torch.autograd.grad(value(seen(h)), h)[0]

    h, dgn_am = start, []
    for i in range(STEPS):
        g = gradient(lambda logits: logits[CLASS], h)
        h = h + (8 + (1e-10 - 8) * i / 200) / g.abs().mean() * g
        h = 0.99 * h.clamp(0, 12)
        dgn_am.append(h)
    h, ppgn = start, []
    for i in range(STEPS):
        g = gradient(lambda logits: logits.log_softmax(0)[CLASS], h)
        prior = 1e-5 * (fc6[-1] - h)
        print(f"step {i}: of the condition {g.abs().mean():.2e}, of the prior {prior.abs().mean():.2e}")
        d = prior + g
        h = (h + d / d.abs().mean()).clamp(0, 30)
        ppgn.append(h)
    tensors = {"start": start, "dgn-am": torch.cat(dgn_am), "ppgn": torch.cat(ppgn)}
    save_file({name: tensor.float().contiguous() for name, tensor in tensors.items()}, arguments.out)


if __name__ == "__main__":
    main()
