"""Activations, arithmetic with broadcasting, reductions, matrix products."""

import torch
from torch.nn import functional as F

# Where an activation has a corner, a threshold or a change of formula, and far out.
CORNERS = torch.tensor(
    [-30.0, -20.5, -8.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 9.5, 10.5, 20.0, 20.5, 40.0]
)


def activation(fn, *attribute_sets, low=None):
    """Random values and the corners, for each set of attributes."""

    def cases(source):
        made = []
        for attrs in attribute_sets or ({},):
            label = ", ".join(f"{key} {value}" for key, value in attrs.items()) or "defaults"
            spread = source.normal(3, 13, scale=2) if low is None else source.uniform(3, 13, low=low, high=4)
            corners = CORNERS if low is None else CORNERS[CORNERS > 0]
            for kind, x in (("random", spread), ("corners", corners)):
                made.append(
                    dict(
                        name=f"{kind}, {label}",
                        attrs=attrs,
                        inputs={"x": x},
                        fn=lambda x, attrs=attrs: fn(x, **attrs),
                    )
                )
        return made

    return cases


def prelu(source):
    return [
        dict(name=name, attrs={}, inputs={"x": x, "weight": weight}, fn=lambda x, weight: F.prelu(x, weight))
        for name, x, weight in [
            ("one weight", source.normal(2, 3, 2, 2), source.normal(1)),
            ("a weight a channel", source.normal(2, 3, 3, 2), source.normal(3)),
            ("[N, C] with zeros", source.halves(5, 4), source.normal(4)),
        ]
    ]


SHAPES = [
    ((3, 4), (3, 4)),
    ((2, 3, 4), (4,)),
    ((2, 1, 4), (3, 1)),
    ((1,), (2, 3)),
    ((2, 3, 2, 2), (1, 3, 1, 1)),
]


def binary(fn, positive="", ties=False, scalars=(0.75,)):
    """Every broadcast pattern; a number on either side; `positive` names the operands kept above 0.3."""

    def cases(source):
        def operand(name, shape):
            return source.uniform(*shape, low=0.3, high=2.5) if name in positive else source.normal(*shape)

        made = []
        for a, b in SHAPES:
            made.append(
                dict(
                    name=f"{list(a)} and {list(b)}",
                    attrs={},
                    fn=lambda a, b: fn(a, b),
                    inputs={"a": operand("a", a), "b": operand("b", b)},
                )
            )
        for number in scalars:
            made.append(
                dict(
                    name=f"number {number} right",
                    attrs={"b": number},
                    inputs={"a": operand("a", (2, 5))},
                    fn=lambda a, number=number: fn(a, torch.tensor(number, dtype=a.dtype)),
                )
            )
            made.append(
                dict(
                    name=f"number {number} left",
                    attrs={"a": number},
                    inputs={"b": operand("b", (2, 5))},
                    fn=lambda b, number=number: fn(torch.tensor(number, dtype=b.dtype), b),
                )
            )
        if ties:
            made.append(
                dict(
                    name="ties",
                    attrs={},
                    inputs={"a": source.halves(4, 5), "b": source.halves(4, 5)},
                    fn=lambda a, b: fn(a, b),
                )
            )
        return made

    return cases


def power(source):
    made = binary(torch.pow, positive="a", scalars=(2.0, 0.5))(source)
    for exponent in (0.0, 1.0, 2.0, 3.0):
        made.append(
            dict(
                name=f"base around 0 to the {exponent}",
                attrs={"b": exponent},
                inputs={"a": source.halves(3, 4)},
                fn=lambda a, exponent=exponent: torch.pow(a, exponent),
            )
        )
    return made


def reduction(fn, ties=False):
    def cases(source):
        made = []
        for axes, keep in [(None, False), ([1], False), ([0, 2], True), ([-1], False), ([0, 1, 2], True)]:
            x = source.halves(3, 4, 5) if ties and axes != [-1] else source.normal(3, 4, 5)
            attrs = {**({} if axes is None else {"axes": axes}), "keepDims": keep}
            dims = tuple(range(3)) if axes is None else tuple(axes)
            made.append(
                dict(
                    name=f"axes {axes or 'all'}, keepDims {keep}",
                    attrs=attrs,
                    inputs={"x": x},
                    fn=lambda x, dims=dims, keep=keep: fn(x, dims, keep),
                )
            )
        return made

    return cases


def axis_op(fn):
    def cases(source):
        made = [
            dict(
                name=f"axis {axis}",
                attrs={"axis": axis},
                inputs={"x": source.normal(3, 4, 5, scale=3)},
                fn=lambda x, axis=axis: fn(x, axis),
            )
            for axis in (-1, 0, 1)
        ]
        made.append(
            dict(name="large", attrs={}, inputs={"x": source.normal(4, 6, scale=50)}, fn=lambda x: fn(x, -1))
        )
        return made

    return cases


def matmul(source):
    made = []
    for a, b, left, right in [
        ((3, 5), (5, 4), False, False),
        ((5, 3), (5, 4), True, False),
        ((3, 5), (4, 5), False, True),
        ((5, 3), (4, 5), True, True),
        ((2, 3, 5), (5, 4), False, False),
        ((3, 5), (2, 5, 4), False, False),
        ((2, 1, 3, 5), (3, 4, 5), False, True),
        ((1, 1), (1, 1), False, False),
    ]:

        def fn(a, b, left=left, right=right):
            return (a.mT if left else a) @ (b.mT if right else b)

        made.append(
            dict(
                name=f"{list(a)}{' transposed' * left} by {list(b)}{' transposed' * right}",
                attrs={"transposeA": left, "transposeB": right},
                inputs={"a": source.normal(*a), "b": source.normal(*b)},
                fn=fn,
            )
        )
    return made


def linear(source):
    return [
        dict(
            name=f"{list(shape)} to {out}{', bias' * bias}",
            attrs={},
            fn=lambda **inputs: F.linear(inputs["x"], inputs["weight"], inputs.get("bias")),
            inputs={
                "x": source.normal(*shape),
                "weight": source.normal(out, shape[-1]),
                **({"bias": source.normal(out)} if bias else {}),
            },
        )
        for shape, out, bias in [((5, 7), 3, True), ((4, 3), 5, False), ((2, 3, 6), 4, True)]
    ]


OPERATORS = {
    "relu": activation(F.relu),
    "leakyRelu": activation(
        lambda x, negativeSlope=0.01: F.leaky_relu(x, negativeSlope), {}, {"negativeSlope": 0.2}
    ),
    "prelu": prelu,
    "elu": activation(lambda x, alpha=1.0: F.elu(x, alpha), {}, {"alpha": 0.7}),
    "selu": activation(F.selu),
    "gelu": activation(
        lambda x, approximate="none": F.gelu(x, approximate=approximate),
        {},
        {"approximate": "none"},
        {"approximate": "tanh"},
    ),
    "silu": activation(F.silu),
    "hardswish": activation(F.hardswish),
    "hardsigmoid": activation(F.hardsigmoid),
    "sigmoid": activation(torch.sigmoid),
    "tanh": activation(torch.tanh),
    "softplus": activation(
        lambda x, beta=1.0, threshold=20.0: F.softplus(x, beta, threshold),
        {},
        {"beta": 2.0},
        {"beta": 0.5, "threshold": 5.0},
    ),
    "mish": activation(F.mish),
    "neg": activation(torch.neg),
    "abs": activation(torch.abs),
    "exp": activation(torch.exp),
    "log": activation(torch.log, low=0.05),
    "sqrt": activation(torch.sqrt, low=0.05),
    "clamp": activation(torch.clamp, {"min": -0.5, "max": 3.0}, {"min": 0.5}, {"max": 1.0}),
    "add": binary(torch.add),
    "sub": binary(torch.sub),
    "mul": binary(torch.mul),
    "div": binary(torch.div, positive="b"),
    "pow": power,
    "minimum": binary(torch.minimum, ties=True, scalars=(0.5,)),
    "maximum": binary(torch.maximum, ties=True, scalars=(0.5,)),
    "sum": reduction(lambda x, dims, keep: x.sum(dims, keepdim=keep)),
    "mean": reduction(lambda x, dims, keep: x.mean(dims, keepdim=keep)),
    "max": reduction(lambda x, dims, keep: x.amax(dims, keepdim=keep), ties=True),
    "softmax": axis_op(torch.softmax),
    "logSoftmax": axis_op(torch.log_softmax),
    "matmul": matmul,
    "linear": linear,
}
