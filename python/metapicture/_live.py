"""A network of PyTorch that lives in this process: its submodules are the layers, read by hooks."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from ._errors import RequestError
from ._network import (
    Model,
    Network,
    device_of,
    device_of_module,
    evaluated,
    exported,
    identity,
    manifest_of,
    numbers_of,
)


@contextmanager
def at_hand(models: Sequence[Model], device: str | None, optimize: bool = False) -> Iterator[tuple[list[str | Live], str]]:
    """Models as the native part takes them, and the device that they are computed on.

    Args:
        models: names, paths of manifests, and networks that live in this process.
        device: unless told where the live ones lie, or the CPU.
        optimize: whether the live ones are exported first.

    Raises:
        RequestError: networks on several devices, or one that cannot be computed.
    """
    networks = [Network.of(model) if isinstance(model, (torch.nn.Module, Network)) else None for model in models]
    live = [network for network in networks if network is not None]
    place = device_of(live)
    if device is not None and place not in (None, device, f"{device}:0"):
        raise RequestError(f"the network lies on {place}, and not on {device}", f"net.to('{device}') moves it", "device")
    with evaluated(*live):
        ready: list[str | Live] = []
        for model, network in zip(models, networks):
            if network is None:
                ready.append(os.fspath(model))  # type: ignore[arg-type]  # the others are names and paths
            else:
                ready.append(os.fspath(exported(network)) if optimize else Live(network))
        yield ready, device or place or "cpu"


class Live:
    """What the native part asks of a live network. Its layers are found by a first pass, in which every module is looked at."""

    def __init__(self, network: Network) -> None:
        self.module = network.module
        self.device = device_of_module(network.module)
        self.name = network.name
        odd = next((p for p in numbers_of(network.module) if p.is_floating_point() and p.dtype != torch.float32), None)
        if odd is not None:
            kind = str(odd.dtype).removeprefix("torch.")
            raise RequestError(f"{network.name} holds {kind}; f32 is computed", "net.float() converts it", "model")
        self.parameters = list(network.module.parameters())
        self.manifest = json.dumps(manifest_of(network, "live") | {"weights": {"source": {"path": "live"}}})
        self.weights, self.code = identity(network)
        self._layers = self._found(len(network.mean), network.size)

    @property
    def aliases(self) -> list[tuple[str, str]]:
        """Other names of layers."""
        return [(layer.name, alias) for layer in self._layers for alias in layer.aliases]

    def outputs(self, pictures: torch.Tensor, wanted: list[int] | None) -> tuple[list[torch.Tensor | None], list[str]]:
        """The outputs of layers, those that are wanted by their number at least, and the names of all.

        Without a wish it is a whole pass; else it ends once everything that is wanted was seen.
        """
        layers = self._layers
        numbers = range(len(layers)) if wanted is None else wanted
        looked = _Looked({number: layers[number] for number in numbers})
        found: list[torch.Tensor | None] = [None] * len(layers)
        with torch.set_grad_enabled(pictures.requires_grad), looked:
            try:
                returned = _logits(self.module(pictures))
            except _Enough:
                returned = None
        for number, tensor in looked.found.items():
            found[number] = tensor
        if returned is not None:
            found[-1] = returned
        return found, [layer.name for layer in layers]

    def _found(self, channels: int, size: int) -> list[_Layer]:
        # Two samples, and one: what does not grow with them is no layer of pictures.
        passes = [_every_call(self.module, torch.zeros(n, channels, size, size, device=self.device, dtype=torch.float32)) for n in (1, 2)]
        one, two = passes
        if [(seen.module, seen.call) for seen in one] != [(seen.module, seen.call) for seen in two]:
            raise RequestError(f"{self.name} goes another way with one picture than with two", key="model")
        # Modules keep their names; calls after the first, and the whole, take names that nobody has.
        taken = {_clean(name) for name, _ in self.module.named_modules()}
        invented: dict[int, str] = {}
        for place, seen in enumerate(two):
            if seen.call or not seen.name:
                stem = seen.name or "output"
                free = (name for number in itertools.count(seen.call) if (name := f"{stem}_{number}" if number else stem) not in taken)
                invented[place] = next(free)
                taken.add(invented[place])
        layers: list[_Layer] = []
        by_tensor: dict[tuple[int, int], _Layer] = {}
        for place, (few, many) in enumerate(zip(one, two)):
            name = invented.get(place, many.name)
            is_last = many is two[-1]
            fits = many.fits(2) and few.fits(1) and few.tensor.shape[1:] == many.tensor.shape[1:]
            if is_last and not (fits and many.tensor.dim() == 2):
                shape = list(many.tensor.shape)
                raise RequestError(f"{self.name} gives {shape} for two pictures; logits [N,classes] are needed", key="model")
            key = (id(many.tensor), many.version)
            if key in by_tensor:
                layer = by_tensor[key]
                layer.aliases += [name] if many.name else []
            elif fits and (is_last or many.tensor.requires_grad):
                layer = _Layer(name, many.module, many.call, many.tensor._version != many.version)
                by_tensor[key] = layer
                layers.append(layer)
            else:
                continue
            if is_last:
                layers.remove(layer)
                layers.append(layer)
        return layers


@dataclass
class _Layer:
    """A call of a module, whose output has names."""

    name: str
    module: torch.nn.Module
    call: int
    # Whether somebody writes over the output later in the pass, as a ReLU in place does.
    is_overwritten: bool
    aliases: list[str] = field(default_factory=list)


@dataclass
class _Seen:
    """The same in a pass in which all were seen."""

    name: str
    module: torch.nn.Module
    call: int
    tensor: torch.Tensor
    version: int

    def fits(self, samples: int) -> bool:
        """Whether it is an activation ``[N,C]``, ``[N,T,C]`` or ``[N,C,H,W]``."""
        tensor = self.tensor
        return tensor.dtype == torch.float32 and tensor.dim() in (2, 3, 4) and tensor.shape[0] == samples


class _Enough(BaseException):
    """All that is wanted was seen: the rest of the pass is not needed."""


class _Looked:
    """Hooks at the layers that are wanted, for one pass."""

    def __init__(self, layers: dict[int, _Layer]) -> None:
        self.found: dict[int, torch.Tensor] = {}
        self._left = len(layers)
        self._calls: dict[torch.nn.Module, int] = {}
        self._wanted: dict[torch.nn.Module, dict[int, tuple[int, _Layer]]] = {}
        for number, layer in layers.items():
            self._wanted.setdefault(layer.module, {})[layer.call] = (number, layer)
        self._hooks: list[Any] = []
        # Others may call the network meanwhile.
        self._thread = threading.get_ident()

    def __enter__(self) -> None:
        self._hooks = [module.register_forward_hook(self._see) for module in self._wanted]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _see(self, module: torch.nn.Module, _: object, output: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        call = self._calls.get(module, 0)
        self._calls[module] = call + 1
        if call not in self._wanted[module]:
            return
        number, layer = self._wanted[module][call]
        self._left -= 1
        output = _logits(output)
        if self._left == 0:
            self.found[number] = output
            raise _Enough
        self.found[number] = output.clone() if layer.is_overwritten else output


def _every_call(module: torch.nn.Module, pictures: torch.Tensor) -> list[_Seen]:
    """Every call of a module that gives a tensor, in the order of their ends; the whole network is the last."""
    seen: list[_Seen] = []
    calls: dict[torch.nn.Module, int] = {}
    thread = threading.get_ident()

    def see(name: str) -> Any:
        def hook(part: torch.nn.Module, _: object, output: Any) -> None:
            if threading.get_ident() != thread:
                return
            call = calls.get(part, 0)
            calls[part] = call + 1
            if part is module:
                output = _logits(output)
            if isinstance(output, torch.Tensor):
                seen.append(_Seen(_clean(name), part, call, output, output._version))

        return hook

    hooks = [part.register_forward_hook(see(name)) for name, part in module.named_modules()]
    try:
        with torch.enable_grad():
            module(pictures.requires_grad_())
    except Exception as error:
        raise RequestError(
            f"the network fails with pictures {list(pictures.shape)}: {str(error).strip().partition(chr(10))[0]}",
            "metapicture.Network(net, size=…, mean=…, std=…) says how pictures enter it",
            "model",
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if not seen or seen[-1].module is not module:
        raise RequestError("the network gives no tensor; logits [N,classes] are needed", key="model")
    return seen


def _logits(output: Any) -> Any:
    """The tensor of what a network returns: of several the one that is called logits, else the first."""
    if isinstance(output, torch.Tensor):
        return output
    of_name = getattr(output, "logits", None)
    if of_name is None and isinstance(output, dict):
        of_name = output.get("logits", next(iter(output.values()), None))
    if of_name is None and isinstance(output, (tuple, list)) and output:
        of_name = output[0]
    return of_name


def _clean(name: str) -> str:
    """A name that a unit can be written with."""
    return "".join("_" if c in ":@(),*" or c.isspace() else c for c in name)
