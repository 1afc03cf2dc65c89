"""Writes keras.h5, keras_model.h5 (chunked, deflated) and caffe.caffemodel, caffe_v1.caffemodel beside the other files. Needs h5py."""

import pathlib
import struct

import h5py
import numpy as np

OUT = pathlib.Path(__file__).parent


def ramp(*shape):
    return (np.arange(np.prod(shape), dtype=np.float32) / 8 - 3).reshape(shape)


with h5py.File(OUT / "keras.h5", "w") as file:
    file.attrs["layer_names"] = [b"conv1", b"dense"]
    file.create_dataset("conv1/conv1_W:0", data=ramp(3, 3, 2, 4))
    file.create_dataset("conv1/conv1_b:0", data=ramp(4))
    file.create_dataset("dense/dense/kernel:0", data=ramp(4, 5))
with h5py.File(OUT / "keras_model.h5", "w") as file:
    group = file.create_group("model_weights")
    group.create_dataset("dw/dw/depthwise_kernel:0", data=ramp(3, 3, 4, 1), chunks=(1, 3, 4, 1), compression="gzip", shuffle=True)
    group.create_dataset("dw/dw/bias:0", data=ramp(4).astype(np.float16))
    file.create_dataset("optimizer_weights/steps", data=np.int64(7))
    file.create_dataset("notes", data="a text")


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def packed(array):
    return b"".join(struct.pack("<f", value) for value in array.ravel())


def blob(array, old):
    if old:
        shape = (1,) * (4 - array.ndim) + array.shape
        sizes = b"".join(field(index + 1, size) for index, size in enumerate(shape))
    else:
        sizes = field(7, field(1, b"".join(varint(size) for size in array.shape)))
    return sizes + field(5, packed(array))


for name, old in (("caffe", False), ("caffe_v1", True)):
    layers = b""
    for layer, kind, arrays in (("conv1/7x7", "Convolution", [ramp(4, 2, 3, 3), ramp(4)]), ("fc", "InnerProduct", [ramp(5, 4), ramp(5)])):
        head = field(4, layer) + field(5, 4) if old else field(1, layer) + field(2, kind)
        layers += field(2 if old else 100, head + b"".join(field(6 if old else 7, blob(array, old)) for array in arrays))
    (OUT / f"{name}.caffemodel").write_bytes(field(1, "net") + layers)
