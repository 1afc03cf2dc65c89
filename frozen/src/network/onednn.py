#!/usr/bin/env python3
"""Writes onednn.pt: four of libtorch's operators that its C++ interface, and so tch, has no function for, as TorchScript.

`pack` lays a convolution's weights out as oneDNN wants them; `forward` convolves a channels-last picture with such weights
and applies an activation function while the result is still in the processor's cache. `pack_transposed` and `transposed`
do so for a transposed convolution, without an activation function.
An ordinary convolution lays the weights out anew in every call, which for one picture takes as long as the arithmetic.

    python3 -m venv V && V/bin/pip install torch==2.13.0 && V/bin/python frozen/src/network/onednn.py
"""

import io
import zipfile
from pathlib import Path
from typing import List, Optional, Union

import torch

Number = Union[int, float, complex]


class OneDnn(torch.nn.Module):
    """`geometry` is [padding of rows, padding of columns, stride, groups]."""

    @torch.jit.export
    def pack(self, weight: torch.Tensor, geometry: List[int], size: List[int]) -> torch.Tensor:
        return torch.ops.mkldnn._reorder_convolution_weight(
            weight, [geometry[0], geometry[1]], [geometry[2], geometry[2]], [1, 1], geometry[3], size
        )

    def forward(
        self, x: torch.Tensor, weight: torch.Tensor, bias: Optional[torch.Tensor], geometry: List[int], activation: str
    ) -> torch.Tensor:
        """`activation` is "none", "relu", or "hardtanh", which is clamped to [0, 6] here."""
        bounds = torch.jit.annotate(List[Optional[Number]], [None])
        if activation == "hardtanh":
            bounds = torch.jit.annotate(List[Optional[Number]], [0.0, 6.0])
        return torch.ops.mkldnn._convolution_pointwise(
            x, weight, bias, [geometry[0], geometry[1]], [geometry[2], geometry[2]], [1, 1], geometry[3],
            activation, bounds, "",
        )  # fmt: skip

    @torch.jit.export
    def pack_transposed(self, weight: torch.Tensor, geometry: List[int], size: List[int]) -> torch.Tensor:
        """`weight` is [in, out, rows, columns]."""
        return torch.ops.mkldnn._reorder_convolution_transpose_weight(
            weight, [geometry[0], geometry[1]], [0, 0], [geometry[2], geometry[2]], [1, 1], geometry[3], size
        )

    @torch.jit.export
    def transposed(
        self, x: torch.Tensor, weight: torch.Tensor, bias: Optional[torch.Tensor], geometry: List[int]
    ) -> torch.Tensor:
        return torch.ops.mkldnn._convolution_transpose_pointwise(
            x, weight, bias, [geometry[0], geometry[1]], [0, 0], [geometry[2], geometry[2]], [1, 1], geometry[3],
            "none", torch.jit.annotate(List[Optional[Number]], [None]), "",
        )  # fmt: skip


def save(path: Path) -> None:
    """Without the debugging information, which holds the path of this file on the machine that it was run on."""
    written = io.BytesIO()
    torch.jit.save(torch.jit.script(OneDnn()), written)
    with zipfile.ZipFile(written) as whole, zipfile.ZipFile(path, "w") as kept:
        for entry in whole.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                kept.writestr(zipfile.ZipInfo(entry.filename), whole.read(entry))


if __name__ == "__main__":
    save(Path(__file__).with_suffix(".pt"))
