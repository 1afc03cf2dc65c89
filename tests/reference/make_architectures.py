#!/usr/bin/env python3
"""Makes the reference numbers of every architecture: what torchvision and timm compute with weights from a formula.

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 torchvision==0.28.0 timm==1.0.31 numpy==2.4.6
    venv/bin/python tests/reference/make_architectures.py --out tests/reference/architectures

It needs no network, no GPU and some minutes, and writes a JSON file an architecture: name and shape of every tensor of the
state_dict, and for some sizes of the input the mean, the deviation and 16 values of some layers, of the logits, and of the
gradient of the highest logit with respect to the input. Everything is computed in 64-bit floats.

Weights are those of `formula.py`. The input's element i (flat NCHW) has f = 12345 there, and is 2 u - 1.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision

from formula import numbers, tensor, uniform

# Name of the point here -> the module whose output it is; "<" in front: whose input (at its last call).
INCEPTION = {
    "Conv2d_1a_3x3.bn": "Conv2d_1a_3x3.bn",
    "Conv2d_2b_3x3": "Conv2d_2b_3x3",
    "maxpool2": "<Mixed_5b.branch1x1",
    "Mixed_5b": "Mixed_5b",
    "Mixed_6a": "Mixed_6a",
    "Mixed_6c.branch7x7dbl_3": "Mixed_6c.branch7x7dbl_3",
    "Mixed_7a": "Mixed_7a",
    "Mixed_7b.avg_pool": "<Mixed_7b.branch_pool",
    "Mixed_7c": "Mixed_7c",
}
RESNET18 = {
    "relu": "<maxpool", "maxpool": "maxpool", "layer1.0.bn1": "layer1.0.bn1", "layer2.0.downsample.1": "layer2.0.downsample.1",
    "layer2.0": "layer2.0", "layer4.1.add": "<layer4.1.relu", "layer4": "layer4",
}  # fmt: skip
RESNET50 = {
    "relu": "<maxpool", "maxpool": "maxpool", "layer1.0.bn3": "layer1.0.bn3", "layer2.0.downsample": "layer2.0.downsample",
    "layer2.0": "layer2.0", "layer3.5": "layer3.5", "layer4": "layer4",
}  # fmt: skip
VGG = {
    "features.0": "features.0", "features.4": "features.4", "features.9": "features.9", "avgpool": "avgpool",
    "classifier.0": "classifier.0", "classifier.1": "<classifier.3", "fc2": "classifier.3", "fc2.relu": "<classifier.6",
}  # fmt: skip
# With batch norm, module 0 is folded into module 1 here.
VGG_BN = {"features.1": "features.1"} | {name: module for name, module in VGG.items() if name != "features.0"}
DENSENET = {
    "features.pool0": "features.pool0",
    "features.denseblock1.denselayer2.norm1": "features.denseblock1.denselayer2.norm1",
    "features.denseblock1.denselayer2": "features.denseblock1.denselayer2",
    "features.denseblock1": "features.denseblock1",
    "features.transition2": "features.transition2",
    "features.denseblock4.denselayer16.relu2": "<features.denseblock4.denselayer16.conv2",
    "features.norm5": "features.norm5",
}

# name -> (how the model is made, sizes of the input, points)
MODELS = {
    "alexnet": (torchvision.models.alexnet, [224, 131], {
        "features.0": "features.0", "features.1": "<features.2", "features.2": "features.2", "features.8": "features.8",
        "features.12": "features.12", "avgpool": "avgpool", "fc1": "classifier.1", "classifier.5": "<classifier.6",
    }),
    "densenet121": (torchvision.models.densenet121, [96, 75], DENSENET),
    "googlenet": (lambda: torchvision.models.googlenet(init_weights=False), [96, 117], {
        "conv1": "conv1", "maxpool1": "maxpool1", "conv3.bn": "conv3.bn", "inception3a.branch3": "inception3a.branch3",
        "inception3b": "inception3b", "inception4c.branch4.0": "inception4c.branch4.0", "inception4e": "inception4e",
        "maxpool4": "maxpool4", "inception5b": "inception5b",
    }),
    "inception_v3": (lambda: torchvision.models.inception_v3(init_weights=False), [299, 139], INCEPTION),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, [96, 107], {
        "features.0": "features.0", "features.1": "features.1", "features.2.conv.1": "features.2.conv.1",
        "features.3": "features.3", "features.10.conv.3": "features.10.conv.3", "features.17": "features.17",
        "features.18.1": "features.18.1", "features.18": "features.18",
    }),
    "resnet18": (torchvision.models.resnet18, [96, 117], RESNET18),
    "resnet50": (torchvision.models.resnet50, [96, 117], RESNET50),
    "squeezenet1_1": (torchvision.models.squeezenet1_1, [96, 131], {
        "features.0": "features.0", "features.2": "features.2", "features.3.squeeze": "features.3.squeeze",
        "features.5": "features.5", "features.6.expand3x3_activation": "features.6.expand3x3_activation",
        "features.12": "features.12", "classifier.1": "classifier.1",
    }),
    "vgg16": (lambda: torchvision.models.vgg16(init_weights=False), [224, 100], VGG),
    "vgg16_bn": (lambda: torchvision.models.vgg16_bn(init_weights=False), [96], VGG_BN),
    "vgg19": (lambda: torchvision.models.vgg19(init_weights=False), [96], VGG),
    "vgg19_bn": (lambda: torchvision.models.vgg19_bn(init_weights=False), [96], VGG_BN),
    "timm.densenet121": (lambda: timm.create_model("densenet121"), [64], {"features.transition2": "features.transition2"}),
    "timm.inception_v3": (lambda: timm.create_model("inception_v3"), [139], {
        "Conv2d_1a_3x3.bn": "<Conv2d_1a_3x3.bn.act", "Mixed_5b": "Mixed_5b", "Mixed_6a": "Mixed_6a", "Mixed_6c": "Mixed_6c",
        "Mixed_7c": "Mixed_7c",
    }),
    "timm.mobilenetv2_100": (lambda: timm.create_model("mobilenetv2_100"), [96], {
        "features.0": "bn1", "features.1": "blocks.0.0", "features.3": "blocks.1.1", "features.8.conv.0": "blocks.3.1.bn1",
        "features.17": "blocks.6.0",
    }),
    "timm.resnet50": (lambda: timm.create_model("resnet50"), [96], {
        "relu": "<maxpool", "maxpool": "maxpool", "layer2.0.downsample.1": "layer2.0.downsample.1", "layer2.0": "layer2.0",
        "layer4": "layer4",
    }),
    "timm.tf_efficientnet_lite0": (lambda: timm.create_model("tf_efficientnet_lite0"), [224, 97], {
        "_bn0.relu6": "bn1", "_blocks.0": "blocks.0.0", "_blocks.2": "blocks.1.1", "_blocks.5._bn0.relu6": "blocks.3.0.bn1",
        "_blocks.15": "blocks.6.0", "_bn1.relu6": "bn2",
    }),
    "timm.vgg16": (lambda: timm.create_model("vgg16"), [224], {
        "features.0": "features.0", "features.4": "features.4", "fc1": "pre_logits.fc1", "fc2": "pre_logits.fc2",
    }),
}  # fmt: skip


def picture(size):
    values = (2 * uniform(3 * size * size, 12345) - 1).astype(np.float32)
    return torch.from_numpy(values.reshape(1, 3, size, size)).double()


def reference(make, sizes, points):
    with torch.device("meta"):
        model = make()
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict({name: tensor(name, shape) for name, shape in shapes.items()}, assign=True)
    model = model.double().eval()
    modules = dict(model.named_modules())
    found = {}
    for point, module in points.items():
        def keep(values, point=point):
            found[point] = numbers(values)
        # The numbers are taken at once: a ReLU may write over them.
        if module.startswith("<"):
            modules[module[1:]].register_forward_pre_hook(lambda _m, inputs, keep=keep: keep(inputs[0]))
        else:
            modules[module].register_forward_hook(lambda _m, _i, output, keep=keep: keep(output))
    cases = []
    for size in sizes:
        x = picture(size).requires_grad_(True)
        logits = model(x)
        highest = logits[0].argmax().item()
        (gradient,) = torch.autograd.grad(logits[0, highest], x)
        assert gradient.abs().max() > 0 and gradient.isfinite().all()
        cases.append({
            "size": size, "layers": dict(found), "logits": numbers(logits), "class": highest,
            "gradient": [float(f"{gradient.norm().item():.9g}"), *numbers(gradient)[2:]],
        })  # fmt: skip
    return shapes, cases


def text(shapes, cases, versions):
    """JSON with a line a tensor and a line a layer."""
    line = json.dumps
    tensors = ",\n".join(f"    {line(name)}: {line(shape)}" for name, shape in shapes.items())
    parts = []
    for case in cases:
        layers = ",\n".join(f"        {line(name)}: {line(values)}" for name, values in case["layers"].items())
        rest = ",\n".join(f"      {line(key)}: {line(case[key])}" for key in ("logits", "class", "gradient"))
        parts.append(f'    {{\n      "size": {case["size"]},\n      "layers": {{\n{layers}\n      }},\n{rest}\n    }}')
    return f'{{\n  "made_with": {line(versions)},\n  "tensors": {{\n{tensors}\n  }},\n  "cases": [\n' + ",\n".join(parts) + "\n  ]\n}\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("names", nargs="*", help="architectures; all if none is given")
    arguments = parser.parse_args()
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"
    for name in arguments.names or MODELS:
        shapes, cases = reference(*MODELS[name])
        (arguments.out / f"{name}.json").write_text(text(shapes, cases, versions))
        json.loads((arguments.out / f"{name}.json").read_text())
        print(f"{name}: {len(shapes)} tensors; logits at {cases[0]['size']} px {cases[0]['logits'][:2]}, gradient {cases[0]['gradient'][0]:.3g}", flush=True)
