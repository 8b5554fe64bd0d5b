"""Tensors as base64 inside JSON, and a writer that keeps one entry per line."""

import base64
import json
import platform

import numpy
import torch

NUMPY_TYPES = {"f32": "<f4", "f64": "<f8", "i32": "<i4", "u8": "|u1"}


def tensor(value, dtype=None):
    """{shape, dtype, data}: row-major, little-endian."""
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else numpy.asarray(value)
    if dtype is None:
        dtype = {"float32": "f32", "float64": "f64", "int64": "i32", "int32": "i32", "uint8": "u8"}[
            str(array.dtype)
        ]
    raw = numpy.ascontiguousarray(array).astype(NUMPY_TYPES[dtype]).tobytes()
    return {"shape": list(array.shape), "dtype": dtype, "data": base64.b64encode(raw).decode()}


def bytes_tensor(value):
    """A float tensor whose values are byte/64 - 2 exactly; a quarter of the size."""
    encoded = tensor(torch.round((value + 2) * 64).to(torch.uint8))
    return {**encoded, "scale": 1 / 64, "offset": -2}


def tensors(named):
    return {name: tensor(value) for name, value in named.items()}


def number(value, digits=9):
    """Nine significant digits identify a float32; seventeen a float64."""
    return float(f"{float(value):.{digits}g}")


def versions():
    return {"torch": torch.__version__, "python": platform.python_version(), "numpy": numpy.__version__}


def write(path, content):
    """Top-level entries, and entries of objects and of lists of objects below them, on lines of their own."""
    path.write_text(render(content, 3) + "\n")
    print(f"{path.name:34} {path.stat().st_size / 1024:8.1f} KiB")


def render(value, depth):
    if depth == 0 or not isinstance(value, (dict, list)) or not value:
        return json.dumps(value)
    if isinstance(value, list):
        if not isinstance(value[0], dict):
            return json.dumps(value)
        return "[\n" + ",\n".join(render(item, depth - 1) for item in value) + "\n]"
    if "data" in value and "dtype" in value:
        return json.dumps(value)
    return (
        "{\n"
        + ",\n".join(f"{json.dumps(key)}: {render(item, depth - 1)}" for key, item in value.items())
        + "\n}"
    )
