"""Networks of PyTorch that live in this process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

import metapicture


class Residual(nn.Module):
    """As networks are written: a ReLU in place that is called twice, a batch norm, a sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + x)


class Small(nn.Module):
    def __init__(self, width: int = 8, classes: int = 5) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 2, 1)
        self.blocks = nn.Sequential(Residual(width), Residual(width))
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(torch.relu(self.stem(x)))
        return self.fc(self.dropout(x.mean((2, 3))))


def small(seed: int = 0) -> Small:
    torch.manual_seed(seed)
    net = Small()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    return net


HALF = {"size": 32, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def network(net: nn.Module | None = None, **options: object) -> metapicture.Network:
    return metapicture.Network(net or small(), **{**HALF, **options})  # type: ignore[arg-type]


def visualize(model: object, unit: str = "class:1", **options: object) -> list[metapicture.Picture]:
    options = {"method": "naive", "steps": 6, "progress": False, **options}
    return metapicture.visualize(model, unit, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["class:1", "stem:3", "blocks.0.bn1:2", "blocks.0.relu_1:2", "blocks.1:4@3,3", "layer:blocks.0.bn2"])
def test_a_live_network_gives_the_picture_of_the_same_network_exported(unit, tmp_path):
    net = network()
    [live] = visualize(net, unit, steps=20)
    [own] = visualize(metapicture.export(net, tmp_path), unit, steps=20)
    assert np.abs(live.numpy().astype(float) - own.numpy()).mean() < 1
    assert live.activation == pytest.approx(own.activation, rel=2e-3, abs=1e-3)


def test_optimize_exports_first_and_keeps_it(monkeypatch):
    net = network()
    [own] = visualize(net, optimize=True)
    monkeypatch.setattr(torch.export, "export", None)
    [again] = visualize(net, optimize=True)
    assert own.png() == again.png()
    assert own.record["provenance"]["definitions"]["small"]["architecture"] == "exported"


def test_a_layer_that_a_relu_overwrites_in_place_is_read_before_it():
    net = small().eval()
    [picture] = visualize(network(net), "blocks.0.bn1:2", steps=3)
    x = torch.from_numpy(picture.numpy()).permute(2, 0, 1)[None] / 255
    seen = []
    net.blocks[0].bn1.register_forward_hook(lambda *call: seen.append(call[2].clone()))
    net((x - 0.5) / 0.5)
    assert seen[0][0, 2].min() < 0
    assert picture.activation == pytest.approx(seen[0][0, 2].mean().item(), rel=1e-3)


def test_layers_have_the_names_of_modules_and_those_around_them():
    [inner] = visualize(network(), "blocks.1.relu_1:3")
    [outer] = visualize(network(), "blocks:3")
    assert inner.png() == outer.png()
    with pytest.raises(metapicture.RequestError, match=r"no layer 'block.0'; did you mean 'blocks.0'\?"):
        visualize(network(), "block.0:1")


def test_a_network_is_left_as_it_was():
    net = small().train()
    net.blocks.eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    visualize(network(net))
    with pytest.raises(metapicture.RequestError):
        visualize(network(net), "class:77")
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())


def test_surroundings_of_the_call_change_nothing():
    net = network()
    [plain] = visualize(net)
    with torch.inference_mode():
        [inferred] = visualize(net)
    with torch.no_grad(), torch.autocast("cpu"):
        [cast] = visualize(net)
    assert plain.png() == inferred.png() == cast.png()


def test_runs_are_told_by_weights_and_by_code(tmp_path):
    class Other(Small):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * 2

    torch.manual_seed(0)
    other = Other()
    other.load_state_dict(small().state_dict())
    nets = [network(), network(small(1)), network(other, name="small"), network(size=48), network()]
    first, weights, code, size, again = (visualize(net, out=tmp_path)[0].run_id for net in nets)
    assert len({first, weights, code, size}) == 4 and again == first
    assert len(metapicture.results(tmp_path)) == 4


def test_a_live_network_judges(networks):
    [picture] = visualize(network(classes=["a", "b", "c", "d", "e"]), "class:b", witnesses=network(small(1), name="judge"))
    assert picture.record["provenance"]["weights_sha256"].keys() >= {"small", "judge"}
    assert 0 <= picture.witness_probability <= 1
    [of_zoo] = visualize(networks.narrow, witnesses=[network(small(1), name="judge"), networks.wider])
    assert 0 <= of_zoo.witness_probability <= 1


def test_a_prior_is_searched_for_a_live_network(networks):
    [picture] = visualize(network(), method="latent", prior=networks.faces)
    assert picture.record["generator"] == "faces"


def test_tokens_are_a_column():
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 12, 8, 8)
            self.block = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True, dropout=0.0)
            self.head = nn.Linear(12, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.block(self.patch(x).flatten(2).transpose(1, 2)).mean(1))

    torch.manual_seed(0)
    [picture] = visualize(network(Tokens()), "block:5@7,0")
    assert picture.unit == "block:5@7,0" and np.isfinite(picture.activation)


class Broken(Small):
    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.way == "fails":
            raise ValueError("no such luck")
        if self.way == "random":
            return super().forward(x + torch.rand_like(x))
        if self.way == "beside":
            return super().forward(x - x.mean(0))
        if self.way == "map":
            return self.stem(x)
        if self.way == "nothing":
            return None  # type: ignore[return-value]
        return super().forward(x).detach()


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("fails", r"the network fails with pictures \[1, 3, 32, 32\]: no such luck"),
        ("random", "other numbers for the same input.*it draws random numbers"),
        ("beside", "for an input beside others"),
        ("map", r"gives \[2, 8, 16, 16\] for two pictures; logits \[N,classes\] are needed"),
        ("nothing", "gives no tensor"),
        ("detached", "does not depend on the input, or was detached"),
    ],
)
def test_what_cannot_be_computed_is_told_in_one_line(way, words):
    with pytest.raises(metapicture.RequestError, match=words) as raised:
        visualize(network(Broken(way), name="broken"))
    assert "\n" not in str(raised.value)


def test_numbers_that_are_no_f32_and_things_that_are_no_networks_are_refused():
    with pytest.raises(metapicture.RequestError, match="holds float64; f32 is computed") as raised:
        visualize(network(small().double()))
    assert raised.value.hint == "net.float() converts it"
    with pytest.raises(metapicture.RequestError, match="a network is a torch.nn.Module, and not str"):
        metapicture.Network("resnet50")  # type: ignore[arg-type]
    with pytest.raises(metapicture.RequestError, match="lies on cpu, and not on cuda") as raised:
        visualize(network(), device="cuda")
    assert "net.to('cuda')" in (raised.value.hint or "")


def test_what_torch_export_cannot_write_is_told():
    class Way(Small):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x if x.sum() > 0 else -x)

    with pytest.raises(metapicture.RequestError, match="torch.export cannot write way") as raised:
        visualize(network(Way()), optimize=True)
    assert raised.value.key == "optimize"


def test_two_hundred_calls_take_no_more_memory_than_ten():
    code = """
import gc, os, sys
sys.path.insert(0, os.path.dirname(os.environ["HERE"]))
import torch, metapicture
from test_live import network, visualize
torch.set_num_threads(1)
def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
net = network()
for call in range(200):
    visualize(net, steps=2)
    if call == 20: before = resident()
print((resident() - before) / 2**20)
"""
    environment = {**os.environ, "HERE": __file__}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 8


def test_nothing_of_a_network_is_kept():
    import weakref

    net = small()
    gone = weakref.ref(net)
    visualize(network(net))
    del net
    gc.collect()
    assert gone() is None


def test_a_residual_network_of_torchvision_is_that_of_the_zoo(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    # Each block begins as the identity, as torchvision offers for training: steps of fifty random layers multiply rounding errors, of
    # PyTorch in f32 and in f64 as well.
    net = torchvision.models.resnet50(zero_init_residual=True).eval()
    torch.save(net.state_dict(), tmp_path / "resnet50.pth")
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nkind: classifier\narchitecture: resnet50\nlicence: none\nweights: {source: {path: resnet50.pth}}\n"
    )
    options = {"steps": 20, "size": 64}
    [live] = visualize(net, "layer4.1.conv2:12", **options)
    [own] = visualize(tmp_path / "mine.yaml", "layer4.1.conv2:12", **options)
    assert np.abs(live.numpy().astype(float) - own.numpy()).mean() < 1


def test_layers_and_classes_of_a_live_network():
    net = network(classes=["a", "b", "c", "d", "e"])
    rows = metapicture.layers(net, frame="rows")
    assert [row["shape"] for row in rows if row["name"] == "stem"] == [(8, 16, 16)]
    outer = next(row for row in rows if "blocks" in row["aliases"])
    assert outer["name"] == "blocks.1.relu_1"
    [row] = metapicture.classify(net, np.zeros((32, 32, 3), np.uint8), top=1, frame="rows")
    assert row["name"] in "abcde"
    assert metapicture.classify(net, np.zeros((32, 32, 3), np.uint8), layer="stem").shape == (1, 8, 16, 16)


def test_a_witness_of_other_classes_is_refused():
    target = network(classes=["portrait", "map", "print", "seal", "letter"], name="target")
    judge = network(small(1), classes=["a", "b", "c", "d", "e"], name="judge")
    with pytest.raises(metapicture.RequestError, match="judge calls class 0 'a', target 'portrait'"):
        visualize(target, "map", witnesses=judge)


def test_a_family_is_told_to_whoever_reads_the_manifest(tmp_path):
    path = metapicture.export(network(family="Small", name="mine"), tmp_path)
    assert '"family": "Small"' in path.read_text()


def test_requests_that_cannot_be_are_told_in_the_package_s_own_errors():
    with pytest.raises(metapicture.RequestError, match="a unit is a text"):
        visualize(network(), ["class:1", "stem:3"])
    with pytest.raises(metapicture.RequestError, match="'a/b' is no name"):
        network(name="a/b")
    with pytest.raises(metapicture.RequestError, match=r"`metapicture.layers\(network\)` lists them"):
        visualize(network(), "body:3")


def test_ctrl_c_within_a_live_network_ends_the_call_and_records_no_failure(tmp_path):
    code = f"""
import os, signal, sys, threading, time
sys.path.insert(0, os.path.dirname({__file__!r}))
import torch, metapicture
from test_live import Small, network, visualize
class Slow(Small):
    def forward(self, x):
        time.sleep(0.05)
        return super().forward(x)
torch.manual_seed(0)
threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    visualize(network(Slow(), name="slow"), steps=400, seeds=4, batch=2, out={str(tmp_path)!r})
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "interrupted\n", done.stdout + done.stderr
    assert "panicked" not in done.stderr
    assert not list((tmp_path / "runs").iterdir())


def test_what_a_live_network_raises_is_raised():
    class Tired(Small):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Tired.calls += 1
            if Tired.calls > 12:
                raise ArithmeticError("enough")
            return super().forward(x)

    with pytest.raises(ArithmeticError, match="enough") as raised:
        visualize(network(Tired()), steps=50)
    assert any(frame.name == "forward" for frame in raised.traceback)


def test_a_network_that_leaves_its_input_ends_in_an_error_and_not_the_process():
    class Leaves(Small):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Leaves.calls += 1
            return super().forward(x.detach() if Leaves.calls > 12 else x)

    for frozen in (False, True):
        net = Leaves().requires_grad_(not frozen)
        Leaves.calls = 0
        with pytest.raises(metapicture.Error, match="carry a gradient back"):
            visualize(network(net), steps=50)


def test_others_may_call_the_network_meanwhile():
    net = small().eval()
    stop = threading.Event()
    wrong = []

    def call() -> None:
        x = torch.zeros(1, 3, 32, 32)
        while not stop.is_set():
            try:
                net(x)
            except BaseException as error:
                wrong.append(error)

    [alone] = visualize(network(net), "stem:1", steps=30)
    thread = threading.Thread(target=call)
    thread.start()
    try:
        pictures = visualize(network(net), "stem:1", steps=30)
    finally:
        stop.set()
        thread.join()
    assert not wrong and pictures[0].png() == alone.png()


def test_calls_of_one_network_in_two_threads_wait_for_each_other():
    net = small().train()
    with ThreadPoolExecutor(2) as pool:
        two = list(pool.map(lambda _: visualize(network(net))[0].png(), range(2)))
    assert two[0] == two[1] and all(module.training for module in net.modules())


def test_plain_attributes_and_base_classes_tell_networks_apart():
    class Scaled(Small):
        def __init__(self, k: float) -> None:
            super().__init__()
            self.k = k

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.k * super().forward(x)

    ids = set()
    for k in (1.0, 100.0, 1.0):
        torch.manual_seed(0)
        ids.add(visualize(network(Scaled(k), name="scaled"))[0].run_id)
    assert len(ids) == 2


def test_two_networks_in_one_folder_keep_their_own_weights(tmp_path):
    one = metapicture.export(network(name="one"), tmp_path)
    [before] = visualize(one)
    metapicture.export(network(small(1), name="two"), tmp_path)
    [after] = visualize(one)
    assert before.png() == after.png() and sorted(path.name for path in tmp_path.iterdir()) == [
        "one.pt2",
        "one.yaml",
        "two.pt2",
        "two.yaml",
    ]


def test_names_that_are_made_up_are_made_up_beside_those_that_are_there():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()
            self.relu_1 = nn.Conv2d(3, 4, 3)
            self.output = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.relu(self.relu_1(self.relu(x)))
            return self.output(x.mean((2, 3))).softmax(1)

    torch.manual_seed(0)
    names = [row["name"] for row in metapicture.layers(network(Odd()), frame="rows")]
    assert names == ["relu", "relu_1", "relu_2", "output", "output_1"]


def test_the_default_number_type_of_torch_changes_nothing():
    [plain] = visualize(network())
    net = network()
    torch.set_default_dtype(torch.float64)
    try:
        [other] = visualize(net)
    finally:
        torch.set_default_dtype(torch.float32)
    assert plain.png() == other.png()
