"""lucid's and lucent's words: what each is here, what is refused, and that pictures by them are those by metapicture's own."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import Narrow

import metapicture
from metapicture.lucent import objectives, param, render, transform
from metapicture.lucent.modelzoo import inceptionv1
from metapicture.lucent.modelzoo.util import get_model_layers

SMALL = lambda: param.image(32)
QUIET = {"show_image": False, "progress": False}
LUCID = {
    "name": "by-hand",
    "param": {"fourier": {"noise": 0.01, "decay": 1.0, "colour": "imagenet"}},
    "optimizer": {"adam": {"lr": 0.05}},
    "transforms": [
        {"pad": {"pixels": 12, "fill": "grey"}},
        {"jitter": {"pixels": 8}},
        {"scale": {"from": 0.9, "to": 1.1}},
        {"rotate": {"degrees": 10}},
        {"jitter": {"pixels": 4}},
    ],
    "steps": 512,
}


def translated(objective="mixed4c:12", model=None, **options):
    """Of a single call."""
    [call] = render.translate(model or inceptionv1(pretrained=True), objective, **options)
    return call


def unit(objective, **options):
    return translated(objective, **options)["unit"]


def refused(message, act):
    with pytest.raises(metapicture.RequestError) as raised:
        act()
    text = str(raised.value)
    assert message in text and "\n" not in text
    assert raised.value.hint and text.endswith(f"; {raised.value.hint}")


def spectrum_of(picture):
    """The tensor `spectrum` of a run's state, a file of safetensors."""
    state = picture._made.file("state.safetensors")
    (length,) = struct.unpack("<Q", state[:8])
    entry = json.loads(state[8 : 8 + length])["spectrum"]
    assert entry["dtype"] == "F32"
    start, end = entry["data_offsets"]
    return torch.from_numpy(np.frombuffer(state[8 + length :][start:end], np.float32).reshape(entry["shape"]).copy())


@pytest.mark.parametrize(
    ("layer", "ours"),
    [
        ("mixed4c", "inception_4c/output"),
        ("mixed4c_1x1", "inception_4c/1x1"),
        ("mixed4c_3x3_bottleneck", "inception_4c/3x3_reduce"),
        ("mixed4c_5x5_pre_relu_conv", "inception_4c/5x5.pre"),
        ("mixed3b_pool_reduce_pre_relu", "inception_3b/pool_proj.pre"),
        ("mixed5a_pool", "inception_5a/pool"),
        ("conv2d0", "conv1/7x7_s2"),
        ("conv2d2_pre_relu", "conv2/3x3.pre"),
        ("maxpool10", "pool4/3x3_s2"),
        ("localresponsenorm1", "conv2/norm2"),
        # What is no word of lucid's is one of ours.
        ("inception_4c/3x3", "inception_4c/3x3"),
    ],
)
def test_layers_of_inception_are_those_of_googlenet(layer, ours):
    assert unit(f"{layer}:7") == f"{ours}:7"


def test_a_block_before_its_relus_is_four_branches():
    for channel, ours in [
        (0, "1x1.pre:0"),
        (127, "1x1.pre:127"),
        (128, "3x3.pre:0"),
        (384, "5x5.pre:0"),
        (448, "pool_proj.pre:0"),
        (511, "pool_proj.pre:63"),
    ]:
        assert unit(f"mixed4c_pre_relu:{channel}") == f"inception_4c/{ours}"
    assert unit(objectives.neuron("mixed4c_pre_relu", 130)) == "inception_4c/3x3.pre:2@7,7"
    refused("channel 512 is out of range", lambda: unit("mixed4c_pre_relu:512"))
    refused("'mixed4c_pre_relu' as a whole", lambda: unit(objectives.deepdream("mixed4c_pre_relu")))


def test_classes_are_logits_and_the_softmax_probabilities():
    assert unit("labels:954") == unit("softmax2_pre_activation_matmul:954") == "class:954"
    assert unit("labels:banana") == unit(objectives.class_logit("softmax2_pre_activation", "banana")) == "class:banana"
    assert unit("softmax2:954") == "probability(class:954)"
    refused("'labels' has no positions", lambda: unit(objectives.neuron("labels", 1, 0, 0)))


def test_objectives_have_units():
    assert unit(objectives.channel("mixed4c", 12)) == "inception_4c/output:12"
    assert unit(objectives.neuron("mixed4c", 12, x=3, y=5)) == "inception_4c/output:12@5,3"
    assert unit(objectives.neuron("mixed3a", 12)) == "inception_3a/output:12@14,14"
    assert unit(objectives.neuron("mixed5b", 12)) == "inception_5b/output:12@3,3"
    assert unit(objectives.deepdream("mixed4c")) == "layer:inception_4c/output"
    vector = torch.arange(512.0, requires_grad=True)
    written = unit(objectives.direction("mixed4c", vector))
    assert written.startswith("cosine(inception_4c/output, ") and written.endswith(".npy)")
    assert np.array_equal(np.load(written[:-1].split(", ")[1]), np.arange(512, dtype=np.float32))
    assert unit(objectives.direction_cossim("mixed4c", vector)) == f"{1 / 512}*{written}"
    weighted = unit(objectives.channel_weight("mixed4c", vector))
    assert weighted == f"{1 / 512}*" + written.replace("cosine", "direction")


def test_objectives_are_sums_with_weights():
    a, b = objectives.channel("mixed4c", 1), objectives.as_objective("mixed4d:2")
    assert unit(a + b) == "inception_4c/output:1 + inception_4d/output:2"
    assert unit(a - 0.5 * b) == "inception_4c/output:1 + -0.5*inception_4d/output:2"
    assert unit(sum([a, b])) == unit(objectives.Objective.sum([a, "mixed4d:2"])) == unit(a + b)
    assert unit(-(a * 2) / 4 + 7) == "-0.5*inception_4c/output:1"
    assert unit(1 - a) == "-1*inception_4c/output:1"
    assert repr(a - 0.5 * b) == "<Objective 1 channel(mixed4c, 1) + -0.5 channel(mixed4d, 2)>"


def test_batches_are_seeds_each_with_its_objective():
    model = inceptionv1(pretrained=True)
    four = lambda: param.image(64, batch=4)
    [call] = render.translate(model, "mixed4c:1", four)
    assert (list(call["seeds"]), call["size"], call["method"]["facets"]) == ([0, 1, 2, 3], 64, 1)
    two = objectives.channel("mixed4c", 1, batch=0) + objectives.channel("mixed4c", 2, batch=1)
    calls = render.translate(model, two, lambda: param.image(64, batch=2), seed=5)
    assert [(call["unit"], list(call["seeds"])) for call in calls] == [("inception_4c/output:1", [5]), ("inception_4c/output:2", [6])]
    # A term of all pictures is their mean, and so half of what it is to each.
    both = objectives.channel("mixed4c", 1) + objectives.channel("mixed4c", 2, batch=1)
    units = [call["unit"] for call in render.translate(model, both, lambda: param.image(64, batch=2))]
    assert units == ["inception_4c/output:1", "inception_4c/output:1 + 2*inception_4c/output:2"]
    sgd = lambda params: torch.optim.SGD(params, lr=1.0)
    units = [call["unit"] for call in render.translate(model, both, lambda: param.image(64, batch=2), sgd)]
    assert units == ["0.5*inception_4c/output:1", "0.5*inception_4c/output:1 + inception_4c/output:2"]
    units = [call["unit"] for call in render.translate(model, objectives.channel_interpolate("mixed4c", 1, "mixed4d", 2), four)]
    assert units[0] == "inception_4c/output:1" and units[3] == "inception_4d/output:2"
    assert units[1] == f"{2 / 3:.12g}*inception_4c/output:1 + {1 / 3:.12g}*inception_4d/output:2"
    refused("picture 1 of the batch has no objective", lambda: render.translate(model, objectives.channel("a", 1, batch=0), four))
    refused("batch 9 of channel(a, 1)", lambda: render.translate(model, objectives.channel("a", 1, batch=9), four))


def test_diversity_keeps_facets_apart():
    four = lambda: param.image(64, batch=4)
    apart = objectives.channel("mixed4c", 1) - 1e2 * objectives.diversity("mixed4c")
    call = translated(apart, param_f=four)
    assert (call["method"]["facets"], call["seeds"], call["unit"]) == (4, [0], "inception_4c/output:1")
    # The sum over the three others, and not their mean.
    assert call["method"]["regularizers"] == [{"diversity": {"weight": 300, "layer": "inception_4c/output"}}]
    refused("one picture has no others", lambda: translated(apart))
    refused("a factor that is not negative", lambda: translated("mixed4c:1" + objectives.diversity("mixed4c"), param_f=four))
    other = objectives.channel("mixed4c", 1, batch=0) + objectives.channel("mixed4c", 2) - objectives.diversity("mixed4c")
    refused("pictures of one batch have other objectives", lambda: translated(other, param_f=four))


@pytest.mark.parametrize(
    ("made", "settings"),
    [
        (lambda: param.image(32), {"fourier": {"noise": 0.01, "decay": 1, "colour": "imagenet"}}),
        (lambda: param.image(32, sd=0.1, decorrelate=False), {"fourier": {"noise": 0.1, "decay": 1, "colour": "rgb"}}),
        (lambda: param.image(32, channels=3), {"fourier": {"noise": 0.01, "decay": 1, "colour": "rgb"}}),
        (lambda: param.image(32, fft=False), {"laplacian": {"levels": 1, "noise": 0.01, "colour": "imagenet"}}),
        (lambda: (0, param.to_valid_rgb(param.fft_image([1, 3, 32, 32], decay_power=1.5)[1])), {"fourier": {"noise": 0.01, "decay": 1.5, "colour": "rgb"}}),
        (lambda: (0, param.to_valid_rgb(param.pixel_image([1, 3, 32, 32])[1], True)), {"laplacian": {"levels": 1, "noise": 0.01, "colour": "imagenet"}}),
        (lambda: param.cppn(32), {"cppn": {"layers": 7, "channels": 24}}),
    ],
)  # fmt: skip
def test_params_are_params_of_methods_and_run(networks, made, settings):
    call = translated("second:3", networks.narrow, param_f=made, thresholds=(2,))
    assert call["method"]["param"] == settings and call["size"] == 32
    [image] = render.render_vis(networks.narrow, "second:3", made, thresholds=(2,), **QUIET)
    assert image.shape == (1, 32, 32, 3)


def test_transforms_are_transforms_of_methods():
    made = lambda *transforms, **options: translated(transforms=transforms, **options)["method"]["transforms"]
    assert translated()["method"]["transforms"] == made(*transform.standard_transforms) == [
        {"pad": {"pixels": 12, "fill": "grey"}},
        {"jitter": {"pixels": 8}},
        {"scale": {"from": 0.9, "to": 1.1}},
        {"rotate": {"degrees": 10}},
        {"jitter": {"pixels": 4}},
    ]  # fmt: skip
    assert made() == []
    assert made(transform.pad(3), transform.pad(3, mode="replicate")) == [
        {"pad": {"pixels": 3, "fill": "reflect"}},
        {"pad": {"pixels": 3, "fill": "edge"}},
    ]
    # Those of the tutorials.
    turns = list(range(-10, 10)) + list(range(-5, 5)) + 10 * list(range(-2, 2))
    assert made(transform.compose([transform.random_scale([n / 100 for n in range(80, 120)]), transform.random_rotate(turns)])) == [
        {"scale": {"from": 0.8, "to": 1.19}},
        {"rotate": {"degrees": 10}},
    ]
    [turn] = made(transform.random_rotate([-0.1, 0.1], units="radians"))
    assert turn["rotate"]["degrees"] == pytest.approx(5.7296, abs=1e-4)
    for own in (transform.normalize(), transform.preprocess_inceptionv1()):
        assert made(transform.jitter(2), own, preprocess=False) == [{"jitter": {"pixels": 2}}]


def test_optimizers_are_those_of_torch():
    made = lambda rule: translated(optimizer=rule)["method"]["optimizer"]
    assert made(None) == {"adam": {"lr": 0.05}}
    adam = made(lambda params: torch.optim.Adam(params, lr=0.1, betas=(0.8, 0.99), weight_decay=0.01))
    assert adam == {"adam": {"lr": 0.1, "beta1": 0.8, "beta2": 0.99, "weight_decay": 0.01}}
    sgd = made(lambda params: torch.optim.SGD(params, lr=2, momentum=0.9, nesterov=True))
    assert sgd == {"sgd": {"lr": 2, "momentum": 0.9, "dampening": 0, "nesterov": True, "weight_decay": 0}}


def test_large_pictures_are_seen_at_their_own_size():
    sees = lambda side, seen=None: translated(param_f=lambda: param.image(side), fixed_image_size=seen)["method"]["input"]
    assert [sees(128), sees(224), sees(320), sees(320, 224), sees(320, 320), sees(128, 128)] == [
        "fit",
        "fit",
        "full",
        "fit",
        "full",
        "full",
    ]
    refused("fixed_image_size: 300", lambda: sees(320, 300))


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("param.lowres_tensor has no counterpart", lambda: param.lowres_tensor),
        ("param.upconvGAN has no counterpart", lambda: param.upconvGAN),
        ("objectives.alignment has no counterpart", lambda: objectives.alignment),
        ("objectives.blur_input_each_step has no counterpart", lambda: objectives.blur_input_each_step()),
        ("objectives.direction_neuron has no counterpart", lambda: objectives.direction_neuron),
        ("objectives.wrap_objective has no counterpart", lambda: objectives.wrap_objective()),
        ("transform.crop_or_pad_to has no counterpart", lambda: transform.crop_or_pad_to),
        ("render.make_vis_T has no counterpart", lambda: render.make_vis_T),
        ("a function is no objective", lambda: translated(lambda model: 0)),
        ("a function is no objective", lambda: translated(objectives.channel("a", 1) + (lambda model: 0))),
        ("an objective is multiplied by a Objective", lambda: objectives.channel("a", 1) * objectives.channel("a", 2)),
        ("an objective is divided", lambda: objectives.channel("a", 1) / 0),
        ("objective 'mixed4c'", lambda: translated("mixed4c")),
        ("objective 'mixed4c:x'", lambda: translated("mixed4c:x")),
        ("objective ':3'", lambda: translated(":3")),
        ("the input itself is no layer", lambda: translated("input:0")),
        ("bvlc_googlenet has no 'head0_bottleneck'", lambda: translated("head0_bottleneck:1")),
        ("neuron: where the centre of 'second' is", lambda: translated(objectives.neuron("second", 3), "efficientnet-lite0")),
        ("picture 0 of the batch has no objective", lambda: translated(0 * objectives.channel("a", 1))),
        ("direction: a direction is a vector", lambda: objectives.direction("a", torch.zeros(3))),
        ("direction: a direction is a vector", lambda: objectives.direction("a", [[1, 2]])),
        ("param_f is a function", lambda: translated(param_f=param.image(32))),
        ("param_f returns what is not of", lambda: translated(param_f=lambda: ([torch.zeros(1)], lambda: 0))),
        ("param_f: fft_image is no picture yet", lambda: translated(param_f=lambda: param.fft_image([1, 3, 32, 32]))),
        ("image: 1 channels", lambda: param.image(32, channels=1)),
        ("fft_image: 16 x 32 pixels are not square", lambda: param.image(32, 16)),
        ("pixel_image: shape (3, 32, 32)", lambda: param.pixel_image([3, 32, 32])),
        ("to_valid_rgb: takes the second", lambda: param.to_valid_rgb(lambda: 0)),
        ("cppn: output channels, activation", lambda: param.cppn(32, normalize=True)),
        ("param.image makes no tensor", lambda: param.image(32)[1]()),
        ("pad: mode 'circular'", lambda: transform.pad(3, mode="circular")),
        ("pad: the constant 1", lambda: transform.pad(3, mode="constant", constant_value=1)),
        ("jitter: d is 1", lambda: transform.jitter(1)),
        ("random_scale: scales are numbers", lambda: transform.random_scale([])),
        ("random_rotate: angles from 0 to 90", lambda: transform.random_rotate([0, 90])),
        ("random_rotate: no unit 'turns'", lambda: transform.random_rotate([0], units="turns")),
        ("transform.jitter changes no tensor", lambda: transform.jitter(2)(torch.zeros(1, 3, 8, 8))),
        ("transforms: '<lambda>' is none of", lambda: translated(transforms=[lambda image: image])),
        ("transforms: 'Upsample' is none of", lambda: translated(transforms=[torch.nn.Upsample(size=224)])),
        ("transforms: normalize is applied twice", lambda: translated(transforms=[transform.normalize()])),
        ("preprocess: the network's own normalization", lambda: translated(preprocess=False)),
        ("optimizer is a function", lambda: translated(optimizer="adam")),
        ("optimizer: AdamW is not there", lambda: translated(optimizer=torch.optim.AdamW)),
        ("optimizer: amsgrad is not there", lambda: translated(optimizer=lambda params: torch.optim.Adam(params, amsgrad=True))),
        ("optimizer: Adam's eps is 0.1", lambda: translated(optimizer=lambda params: torch.optim.Adam(params, eps=0.1))),
        ("thresholds: (0,)", lambda: translated(thresholds=(0,))),
        ("thresholds: ()", lambda: render.translate("a", "b:1", thresholds=())),
        ("model: a int is no network", lambda: translated(model=3)),
        ("inceptionv1: the zoo has no untrained", lambda: inceptionv1()),
        ("efficientnet-lite0 has layers of other names", lambda: get_model_layers("efficientnet-lite0")),
    ],
)
def test_what_has_no_counterpart_is_refused_with_what_to_do_instead(message, act):
    refused(message, act)


@pytest.mark.parametrize("module", [objectives, param, render, transform])
def test_words_that_nobody_knows_are_none_of_these_modules(module):
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = module.nonsense


def test_a_picture_by_these_words_is_that_by_our_own(networks):
    images = render.render_vis(networks.narrow, "second:3", SMALL, thresholds=(4, 2), **QUIET)
    assert [image.dtype for image in images] == [np.float32] * 2
    for image, steps in zip(images, (2, 4)):
        [picture] = metapicture.visualize(networks.narrow, "second:3", LUCID, steps=steps, size=32, progress=False)
        [preset] = metapicture.visualize(networks.narrow, "second:3", "lucid-2017", steps=steps, size=32, progress=False)
        assert np.array_equal(image, picture.numpy()[None].astype(np.float32) / 255)
        assert picture.png() == preset.png() and picture.run_id == preset.run_id


def test_batches_and_facets_run(networks):
    two = lambda: param.image(32, batch=2)
    apart = objectives.channel("second", 3) - 1e2 * objectives.diversity("second")
    for objective in ("second:3", apart, objectives.channel("second", 3, batch=0) + objectives.channel("second", 4, batch=1)):
        [image] = render.render_vis(networks.narrow, objective, two, thresholds=(2,), **QUIET)
        assert image.shape == (2, 32, 32, 3) and not np.array_equal(image[0], image[1])
    for objective in (
        objectives.direction("second", np.ones(8)),
        objectives.channel_weight("second", [1.0] * 8),
        objectives.deepdream("second"),
    ):
        render.render_vis(networks.narrow, objective, SMALL, thresholds=(1,), **QUIET)


def test_it_shows_saves_and_tells(networks, tmp_path, capsys, monkeypatch):
    from PIL import Image

    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda image: shown.append(image.size))
    monkeypatch.chdir(tmp_path)
    two = lambda: param.image(32, batch=2)
    render.render_vis(networks.narrow, "second:3", two, thresholds=(1, 2), verbose=True, progress=False, save_image=True)
    told = capsys.readouterr().out.splitlines()
    assert [line.rpartition(":")[0] for line in told] == ["Activation at step 1", "Activation at step 2"]
    assert shown == [(64, 32)] and Image.open(tmp_path / "image.jpg").size == (64, 32)
    render.render_vis(
        networks.narrow, "second:3", SMALL, thresholds=(1,), progress=False, show_image=False, save_image=True, image_name="a.png"
    )
    assert shown == [(64, 32)] and Image.open("a.png").size == (32, 32)


def test_the_spectrum_and_its_colours_are_lucids(networks):
    [picture] = metapicture.visualize(networks.narrow, "second:3", LUCID, steps=3, size=32, progress=False)
    spectrum = spectrum_of(picture)
    # From the articles' numbers; lucent itself is asked below, where it is installed.
    frequencies = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.rfftfreq(32))
    scaled = torch.view_as_complex(spectrum) * torch.from_numpy(1 / np.maximum(frequencies, 1 / 32)).float()
    channels = torch.fft.irfft2(scaled, s=(32, 32), norm="ortho") / 4
    root = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
    colours = torch.einsum("rc,nchw->nrhw", root / root.norm(dim=0).max(), channels.reshape(1, 3, 32, 32)).sigmoid()
    shown = torch.from_numpy(picture.numpy()).permute(2, 0, 1)[None] / 255
    assert (colours - shown).abs().max() < 0.5 / 255 + 1e-5


def test_lucent_itself_makes_the_same_picture_from_the_same_start(networks):
    of_lucent = pytest.importorskip("lucent.optvis", reason="torch-lucent is not installed here")
    from lucent.optvis import param as their_param
    from lucent.optvis import render as their_render

    assert of_lucent
    still = {"transforms": [], "preprocess": True}
    steps = 20
    [call] = render.translate(networks.narrow, "second:3", SMALL, thresholds=(steps,), **still)
    # Its start: a step that is too small to be seen.
    start = {**call["method"], "optimizer": {"sgd": {"lr": 1e-30}}}
    [first] = metapicture.visualize(**{**call, "method": start, "steps": 1}, progress=False)

    def from_start():
        params, image_f = their_param.image(32)
        params[0].data = spectrum_of(first)
        return params, image_f

    torch.manual_seed(8)
    network = Narrow(8).eval()
    of_range = lambda image: (image - 0.5) / 0.5
    [theirs] = their_render.render_vis(
        network, "second:3", from_start, transforms=[of_range], preprocess=False, thresholds=(steps,), fixed_image_size=32, **QUIET
    )
    [ours] = render.render_vis(networks.narrow, "second:3", SMALL, thresholds=(steps,), transforms=[], **QUIET)
    moved = np.abs(ours - first.numpy() / 255).max()
    assert moved > 0.1 and np.abs(ours - theirs).max() < 0.5 / 255 + 1e-4


def test_the_readmes_example_runs_with_another_import(users_cache):
    if not list((users_cache / "metapicture" / "zoo").glob("**/bvlc_googlenet.caffemodel")):
        pytest.skip("GoogLeNet is not here; `metapicture models add bvlc_googlenet` imports it")
    code = """
import torch

from metapicture.lucent.optvis import render
from metapicture.lucent.modelzoo import inceptionv1

device = torch.device("cpu")
model = inceptionv1(pretrained=True)
model.to(device).eval()

images = render.render_vis(model, "mixed4a:476", thresholds=(2,), show_image=False)
print(images[0].shape)

from metapicture.lucent import objectives, param, render, transform
from metapicture.lucent.modelzoo.util import get_model_layers

# One sum that names each layer. The last pooling has no positions.
every = [objectives.channel(layer, 1) for layer in [*get_model_layers(model), "mixed4a_pre_relu", "labels"]]
middle = objectives.neuron("mixed4a_pre_relu", 300)
objective = objectives.Objective.sum(every) + middle
render.render_vis(model, objective, lambda: param.image(8), thresholds=(1,), transforms=[], show_image=False, progress=False)
print("all layers")
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(users_cache)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and done.stdout.split("\n")[:2] == ["(1, 128, 128, 3)", "all layers"], done.stderr


def test_a_live_module_has_lucents_names_for_its_layers():
    network = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), torch.nn.ReLU())
    call = translated("0_0:3", network)
    assert call["model"] is network and (call["unit"], call["device"]) == ("0.0:3", "cpu")
    assert get_model_layers(network) == ["0", "0_0", "1"]
    assert list(get_model_layers(network, getLayerRepr=True).items())[2] == ("1", "ReLU()")
    assert unit("labels:2", model=network) == "class:2"


def test_inception_says_what_layers_it_has():
    layers = get_model_layers(inceptionv1(pretrained=True))
    assert {"conv2d0", "mixed4a", "mixed4a_3x3_pre_relu_conv", "softmax2"} <= set(layers)
    refused("a network of the zoo is no module", lambda: get_model_layers(inceptionv1(pretrained=True), getLayerRepr=True))
    assert inceptionv1(pretrained=True).cuda().device == "cuda" and translated(model=inceptionv1(pretrained=True).cpu())["device"] == "cpu"
