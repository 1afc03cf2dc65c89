"""A network of PyTorch, and how pictures enter it."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import torch

from ._errors import RequestError

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

# What a model may be where one is asked for: a name of the zoo, the path of a manifest, or a network.
Model: TypeAlias = "str | os.PathLike[str] | torch.nn.Module | Network"


class Network:
    """A network of PyTorch, and how pictures enter it.

    Its submodules are its layers, by the names of ``named_modules()``: ``layer4.1.conv2``. A module that is called several times has
    ``relu``, ``relu_1`` and so on. PyTorch's own autograd carries the gradient back. The network is computed where it lies, in f32 and in
    evaluation mode, and is left as it was. A convolution is read before its batch norm; networks of the zoo, into whose convolutions batch norms
    are folded, are read behind it.

    Args:
        module: pictures ``[N,3,S,S]``, normalised, to logits ``[N,classes]``.
        size: side S of its pictures in pixels; 224 unless the network says (``pretrained_cfg`` of timm).
        mean: what is subtracted from each channel of pictures from 0 to 1; ImageNet's unless the network says.
        std: what each channel is divided by after that; ImageNet's unless the network says.
        classes: names of the classes. Unless told, a thousand are ImageNet's, and others have numbers.
        name: what records call it, of lower-case letters, digits, ``.``, ``_`` and ``-``; the name of its class unless told.
        family: whose kin it is, such as ``ResNet``: networks of other families are strangers to it when pictures are judged.

    >>> import torch
    >>> import metapicture
    >>> small = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> network = metapicture.Network(small, size=64, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), name="small")
    >>> [picture] = metapicture.visualize(network, "0:3", method="naive", steps=2, progress=False)
    >>> picture.unit
    '0:3'
    """

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        size: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        classes: Sequence[str] | None = None,
        name: str | None = None,
        family: str | None = None,
    ) -> None:
        if not isinstance(module, torch.nn.Module):
            raise RequestError(f"a network is a torch.nn.Module, and not {type(module).__name__}", key="model")
        says = _says(module)
        self.module: torch.nn.Module = module
        self.size: int = size if size is not None else says.get("size", 224)
        self.mean: tuple[float, ...] = tuple(mean if mean is not None else says.get("mean", _IMAGENET_MEAN))
        self.std: tuple[float, ...] = tuple(std if std is not None else says.get("std", _IMAGENET_STD))
        self.classes: list[str] | None = None if classes is None else list(classes)
        self.name: str = name or type(module).__name__.lower().strip("_")
        self.family: str | None = family
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", self.name):
            raise RequestError(f"'{self.name}' is no name: lower-case letters, digits, '.', '_' and '-' are", key="name")

    @classmethod
    def of(cls, model: torch.nn.Module | Network) -> Network:
        """A network with what it says of itself."""
        return model if isinstance(model, Network) else cls(model)

    def __repr__(self) -> str:
        return f"<Network {self.name}, {self.size} px, on {device_of_module(self.module)}>"


def export(model: torch.nn.Module | Network, folder: str | os.PathLike[str]) -> Path:
    """Writes a network as a program that metapicture computes by itself, without PyTorch's autograd: ``NAME.pt2`` by ``torch.export``, and
    ``NAME.yaml``, the manifest whose path is a model for `visualize`, for experiment files and for the command line.

    Raises:
        RequestError: a network that ``torch.export`` cannot write, such as one whose way depends on its numbers.

    >>> import tempfile, torch
    >>> import metapicture
    >>> small = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> path = metapicture.export(metapicture.Network(small, size=64, name="small"), tempfile.mkdtemp())
    >>> path.name
    'small.yaml'
    """
    network = Network.of(model)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, len(network.mean), network.size, network.size, device=device_of_module(network.module), dtype=torch.float32)
    batch = torch.export.Dim("batch", min=1, max=4096)
    with evaluated(network), torch.no_grad():
        try:
            program = torch.export.export(network.module, (example,), dynamic_shapes=({0: batch},))
        except Exception as error:
            why = str(error).strip().partition("\n")[0]
            hint = "without optimize=True, PyTorch computes it as it is"
            raise RequestError(f"torch.export cannot write {network.name}: {why}", hint, key="optimize") from error
        # Whole or not at all, the manifest last.
        partial = folder / f".{network.name}.{os.getpid()}.pt2"
        try:
            torch.export.save(program, partial)
            sha256 = hashlib.sha256(partial.read_bytes()).hexdigest()
            partial.replace(folder / f"{network.name}.pt2")
        finally:
            partial.unlink(missing_ok=True)
    weights = {"file": f"{network.name}.pt2", "sha256": sha256, "source": {"path": f"{network.name}.pt2"}}
    path = folder / f"{network.name}.yaml"
    # JSON is YAML.
    written = path.with_suffix(f".{os.getpid()}")
    written.write_text(
        json.dumps(manifest_of(network, "exported") | {"weights": weights}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    written.replace(path)
    return path


def exported(network: Network) -> Path:
    """The same, kept in the user's cache by what it computes."""
    weights, code = identity(network)
    settings = json.dumps([manifest_of(network, "exported"), torch.__version__])
    digest = hashlib.sha256(f"{weights} {code} {settings}".encode()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base, "metapicture", "exported", digest)
    path = folder / f"{network.name}.yaml"
    if not path.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{digest}."))
        try:
            export(network, partial)
            partial.rename(folder)
        except OSError:
            # Unless somebody else was faster, it is an error.
            if not path.exists():
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return path


def several(models: Model | Sequence[Model]) -> list[Model]:
    """One model or several as a list; a network that is a sequence of layers is one."""
    return [models] if isinstance(models, (str, os.PathLike, torch.nn.Module, Network)) else list(models)


@contextmanager
def evaluated(*networks: Network) -> Iterator[None]:
    """For this time the networks are in evaluation mode, and nothing of what surrounds the call (autocast, inference mode) is."""
    # A network is one call's at a time: another thread's waits. Always in the same order, so that no two wait for each other.
    with ExitStack() as held:
        for network in sorted({id(network.module): network for network in networks}.values(), key=lambda network: id(network.module)):
            held.enter_context(_lock_of(network.module))
        training = [module for network in networks for module in network.module.modules() if module.training]
        try:
            for module in training:
                module.training = False
            with torch.inference_mode(False), torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
                yield
        finally:
            for module in training:
                module.training = True


_LOCKS: WeakKeyDictionary[torch.nn.Module, threading.RLock] = WeakKeyDictionary()
_LOCKING = threading.Lock()


def _lock_of(module: torch.nn.Module) -> threading.RLock:
    with _LOCKING:
        return _LOCKS.setdefault(module, threading.RLock())


def device_of(networks: Sequence[Network]) -> str | None:
    """Where live networks lie.

    Raises:
        RequestError: in several places.
    """
    devices = sorted({device_of_module(network.module) for network in networks})
    if len(devices) > 1:
        raise RequestError(f"the networks lie on {' and '.join(devices)}; one device computes a picture", key="device")
    return devices[0] if devices else None


def identity(network: Network) -> tuple[str, str]:
    """What tells it from others: the sha256 of its weights, and that of its code: the source of its classes and of those that they extend, how modules
    are put together, and their plain attributes. What lies elsewhere, in functions of a file or hooks, is not told apart.
    """
    module = network.module
    weights = hashlib.sha256()
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        plain = tensor.detach().cpu().contiguous()
        weights.update(f"{name} {plain.dtype} {list(plain.shape)}\n".encode())
        weights.update(plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b"")
    code = hashlib.sha256(repr(module).encode())
    for of in sorted({of for part in module.modules() for of in type(part).__mro__}, key=lambda of: (of.__module__, of.__qualname__)):
        code.update(f"{of.__module__}.{of.__qualname__}\n".encode())
        if not of.__module__.startswith(("torch.nn.", "builtins")):
            code.update(_source(of))
    for name, part in module.named_modules():
        for key in sorted(part.__dict__):
            if not key.startswith("_") and key != "training":
                code.update(f"{name}.{key} {_plain(part.__dict__[key])}\n".encode())
    return weights.hexdigest(), code.hexdigest()


def _source(of: type) -> bytes:
    try:
        return inspect.getsource(of).encode()
    except (OSError, TypeError):
        # Typed into an interpreter: what its functions were compiled to.
        functions = [value for _, value in sorted(vars(of).items()) if inspect.isfunction(value)]
        return b"".join(function.__code__.co_code + repr(function.__code__.co_consts).encode() for function in functions)


def _plain(value: object) -> str:
    """An attribute as text, the same in every process; of what has no such text its type."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = [_plain(part) for part in value]
        return f"{type(value).__name__}({', '.join(sorted(parts) if isinstance(value, (set, frozenset)) else parts)})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{_plain(key)}: {_plain(part)}' for key, part in value.items())})"
    if isinstance(value, torch.Tensor):
        return hashlib.sha256(f"{value.dtype} {value.detach().cpu().tolist()}".encode()).hexdigest()
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{getattr(value, '__module__', '')}.{name}"


def _says(module: torch.nn.Module) -> dict[str, Any]:
    """What a network of timm says of the pictures that it takes."""
    config = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if not isinstance(config, dict):
        return {}
    says = {key: config[key] for key in ("mean", "std") if config.get(key)}
    size = config.get("input_size")
    return says | ({"size": int(size[-1])} if size else {})


def manifest_of(network: Network, architecture: str) -> dict[str, Any]:
    """What a manifest says of it, but for its weights."""
    config: dict[str, Any] = {"resolution": network.size, "mean": list(network.mean), "std": list(network.std)}
    if network.classes is not None:
        config["classes"] = network.classes
    return {
        "name": network.name,
        "kind": "classifier",
        "description": f"{type(network.module).__qualname__}, as it was in a process of PyTorch",
        "architecture": architecture,
        "config": config,
        "licence": "not stated",
    } | ({"family": network.family} if network.family else {})


def numbers_of(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Its parameters and buffers."""
    yield from module.parameters()
    yield from module.buffers()


def device_of_module(module: torch.nn.Module) -> str:
    """Where it lies: ``cpu`` or ``cuda:N``."""
    device = next((tensor.device for tensor in numbers_of(module)), torch.device("cpu"))
    return "cpu" if device.type == "cpu" else f"{device.type}:{device.index or 0}"
