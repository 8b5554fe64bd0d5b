"""Loads pairs original-*.safetensors and ours-*.safetensors with torch and compares them bit for bit."""

import pathlib

from safetensors.torch import load_file

for original in sorted(pathlib.Path().glob("original-*.safetensors")):
    a, b = load_file(original), load_file(original.name.replace("original", "ours"))
    assert a.keys() == b.keys(), original
    for name in a:
        assert a[name].dtype == b[name].dtype and a[name].shape == b[name].shape, name
        assert a[name].numpy().tobytes() == b[name].numpy().tobytes(), name
    print(len(a), "equal")
