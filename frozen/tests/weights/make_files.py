"""Writes the files that tests/frozen/weights reads, and expected.json with the tensors that PyTorch sees in them.

    python make_files.py        (needs torch 2.13, numpy and safetensors; writes beside itself)
"""

import argparse
import collections
import hashlib
import io
import json
import os
import pathlib
import sys
import tarfile
import types
import zipfile

import numpy
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent
torch.manual_seed(0)


class Config:
    """Stands for the classes that training scripts store beside the weights; its module is not there on reading."""

    def __init__(self):
        self.depths = [512, 256]
        self.nested = {"alpha": 0.5}


Config.__module__ = "models.trainer.config"
Config.__qualname__ = "Config"
for name in ("models", "models.trainer", "models.trainer.config"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["models.trainer.config"].Config = Config


class Command:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch the-command-ran",)


def every_kind_of_tensor():
    base = torch.randn(12)
    tensors = collections.OrderedDict(
        f32=torch.randn(3, 4),
        f16=torch.randn(5).half(),
        bf16=torch.randn(2, 2).bfloat16(),
        f64=torch.randn(3, dtype=torch.float64),
        i64=torch.tensor([2**62, -(2**62), 7]),
        i32=torch.tensor([2**30, -5], dtype=torch.int32),
        i16=torch.tensor([[300], [-300]], dtype=torch.int16),
        i8=torch.tensor([-128, 127], dtype=torch.int8),
        u8=torch.tensor([0, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        transposed=torch.randn(4, 5).t(),
        convolution=torch.randn(3, 3, 4, 6).permute(3, 2, 0, 1),
        sliced=torch.randn(8, 8)[1:7:2, 2:5],
        expanded=torch.randn(1, 3, 1).expand(4, 3, 5),
        parameter=torch.nn.Parameter(torch.randn(2, 3)),
        counter=torch.tensor(0),
    )
    tensors["shared.whole"] = base
    tensors["shared.part"] = base[3:9].view(2, 3)
    tensors["nested"] = {"weight": torch.randn(2), "deeper": {"bias": torch.randn(1), "note": "no tensor"}}
    tensors["epoch"] = 3
    tensors["rate"] = 1e-3
    tensors["large"] = 2**100
    tensors["nothing"] = None
    tensors["words"] = ["a", ("b", b"c")]
    tensors._metadata = collections.OrderedDict([("", {"version": 1})])
    return tensors


def float8():
    return {"e4m3": torch.randn(6).to(torch.float8_e4m3fn), "e5m2": torch.randn(6).to(torch.float8_e5m2)}


def flat(tensors, prefix=""):
    for name, value in tensors.items():
        if isinstance(value, torch.Tensor):
            yield prefix + name, value.detach()
        elif isinstance(value, dict):
            yield from flat(value, prefix + name + ".")


def expected(tensors):
    return {
        name: {
            "shape": list(tensor.shape),
            "stride": list(tensor.stride()),
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "sha256": hashlib.sha256(bytes(tensor.contiguous().flatten().view(torch.uint8).tolist())).hexdigest(),
            "sum": tensor.double().sum().item(),
        }
        for name, tensor in flat(tensors)
    }


def contiguous(tensors):
    return {name: tensor.contiguous().clone() for name, tensor in flat(tensors)}


def legacy(value, path, protocol=2):
    torch.save(value, path, _use_new_zipfile_serialization=False, pickle_protocol=protocol)


def repacked(source, target, compression=zipfile.ZIP_STORED, replace=None):
    """The zip archive `source`, written anew by Python's zipfile."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            member = name.split("/", 1)[1]
            new.writestr(name, (replace or {}).get(member, old.read(name)))


def main():
    os.chdir(HERE)
    tensors = every_kind_of_tensor()
    torch.save(tensors, "zip.pth")
    legacy(tensors, "legacy.pth")
    legacy(tensors, "legacy_protocol_4.pth", protocol=4)
    safetensors.torch.save_file(contiguous(tensors), "safetensors", metadata={"format": "pt"})

    torch.serialization.set_crc32_options(False)
    torch.save(tensors, "zip_without_checksums.pth")
    torch.serialization.set_crc32_options(True)
    torch.save(float8(), "zip_float8.pth")
    safetensors.torch.save_file(torch.load("zip_float8.pth"), "safetensors_float8")

    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 0
    repacked("zip.pth", "zip64.pth")
    zipfile.ZIP64_LIMIT = limit
    for name in ("legacy.pth", "legacy_protocol_4.pth", "zip_without_checksums.pth", "zip64.pth"):
        assert expected(torch.load(name, weights_only=False)) == expected(tensors), name

    networks = {name: torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3)) for name in ("G", "D")}
    pgan = {"config": Config(), "netG": networks["G"].state_dict(), "netD": networks["D"].state_dict()}
    legacy(pgan, "pgan.pth")

    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint = {
        "args": argparse.Namespace(rate=0.1, size=[1, 2]),
        "best": numpy.float64(0.5),
        "random": numpy.arange(3),
        "labels": {"cat", "dog"},
        "device": torch.device("cpu"),
        "milestones": collections.Counter([30, 60]),
        "history": collections.defaultdict(list, loss=[1.0, 0.5]),
        "optimizer": optimizer.state_dict(),
        "model": {"generator": network.state_dict(), "size": torch.Size([1, 2])},
    }
    torch.save(checkpoint, "checkpoint.pth")
    torch.save(network, "whole_module.pth")
    torch.jit.script(network).save("torchscript.pt")

    torch.save({"weight": torch.ones(2), "extra": Command()}, "command_zip.pth")
    legacy({"weight": torch.ones(2), "extra": Command()}, "command_legacy.pth")

    small = "small.pth"
    torch.save({"weight": torch.ones(50)}, small)
    repacked(small, "zip_compressed.pth", zipfile.ZIP_DEFLATED)
    repacked(small, "zip_big_endian.pth", replace={"byteorder": b"big"})
    os.remove(small)
    with tarfile.open("tar.pth", "w") as archive:
        for member in ("storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(member), io.BytesIO())

    described = {
        "tensors": expected(tensors),
        "float8": expected(torch.load("zip_float8.pth")),
        "pgan": expected(pgan["netG"]),
        "checkpoint": expected(checkpoint["model"]["generator"]),
    }
    groups = []
    for group, tensors in described.items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(tensor)}" for name, tensor in tensors.items())
        groups.append(f' {json.dumps(group)}: {{\n{lines}\n }}')
    pathlib.Path("expected.json").write_text("{\n" + ",\n".join(groups) + "\n}\n")


if __name__ == "__main__":
    main()
