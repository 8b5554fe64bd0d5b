"""Operators that move elements without computing."""

import torch
from torch.nn import functional as F


def flatten(source):
    return [
        dict(
            name=f"{attrs}",
            attrs=attrs,
            inputs={"x": source.normal(2, 3, 4, 2)},
            fn=lambda x, attrs=attrs: x.flatten(attrs.get("start", 1), attrs.get("end", -1)),
        )
        for attrs in ({}, {"start": 0}, {"start": 1, "end": 2}, {"start": -2, "end": -1})
    ]


def reshape(source):
    return [
        dict(
            name=f"to {shape}",
            attrs={"shape": shape},
            inputs={"x": source.normal(2, 3, 4)},
            fn=lambda x, shape=shape: x.reshape(shape),
        )
        for shape in ([4, -1], [24], [2, 2, 3, 2])
    ]


def permute(source):
    return [
        dict(
            name=f"axes {axes}",
            attrs={"axes": axes},
            inputs={"x": source.normal(2, 3, 4, 5)},
            fn=lambda x, axes=axes: x.permute(axes),
        )
        for axes in ([0, 2, 3, 1], [3, 0, 2, 1], [1, 0, 2, 3])
    ]


def concat(source):
    made = []
    for axis, shapes in [
        (1, [(2, 3, 2, 2), (2, 1, 2, 2), (2, 5, 2, 2)]),
        (0, [(1, 4), (3, 4)]),
        (-1, [(2, 3), (2, 2)]),
    ]:
        inputs = {f"x{i}": source.normal(*shape) for i, shape in enumerate(shapes)}
        made.append(
            dict(
                name=f"axis {axis}",
                attrs={"axis": axis},
                inputs=inputs,
                fn=lambda axis=axis, **parts: torch.cat(list(parts.values()), axis),
            )
        )
    return made


def slice_case(source, starts, ends, axes=None, steps=None):
    attrs = {"starts": starts, "ends": ends}
    if axes is not None:
        attrs["axes"] = axes
    if steps is not None:
        attrs["steps"] = steps
    index = [slice(None)] * 4
    for i, (start, end) in enumerate(zip(starts, ends)):
        index[i if axes is None else axes[i]] = slice(start, end, 1 if steps is None else steps[i])
    return dict(
        name=f"{attrs}", attrs=attrs, inputs={"x": source.normal(3, 4, 5, 6)}, fn=lambda x: x[tuple(index)]
    )


def slices(source):
    return [
        slice_case(source, [1, 0, 2, 1], [3, 4, 5, 4]),
        slice_case(source, [1], [3], [1]),
        slice_case(source, [0, 1], [5, 6], [2, 3], [2, 3]),
        slice_case(source, [-3, 1], [-1, 100], [3, 0]),
    ]


def pad(source):
    made = []
    for pads, value in [
        ([[0, 0], [0, 0], [1, 2], [0, 3]], 0),
        ([[0, 0], [2, 1], [0, 0], [1, 1]], -1.5),
        ([[1, 0], [0, 1], [1, 0], [0, 1]], 0),
    ]:
        attrs = {"pads": pads, **({"value": value} if value else {})}
        flat = [amount for sides in reversed(pads) for amount in sides]
        made.append(
            dict(
                name=f"{pads} with {value}",
                attrs=attrs,
                inputs={"x": source.normal(2, 3, 3, 2)},
                fn=lambda x, flat=flat, value=value: F.pad(x, flat, value=value),
            )
        )
    return made


OPERATORS = {
    "flatten": flatten,
    "reshape": reshape,
    "permute": permute,
    "concat": concat,
    "slice": slices,
    "pad": pad,
}
