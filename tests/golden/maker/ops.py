"""Forward, gradients and new running statistics of every operator on small tensors.

Inputs are exact in float32; torch computes in float64, so a reference must agree to about 1e-12."""

import zlib

import torch

from . import encode, ops_loss, ops_norm, ops_pointwise, ops_shape, ops_spatial


class Case:
    """One case: `fn(**inputs)` returns y; `state` names inputs it updates, `fixed` those without gradient."""

    def __init__(self, op, name, attrs, inputs, fn, mode="train", state=(), fixed=()):
        self.op, self.name, self.attrs, self.inputs, self.fn = op, name, attrs, inputs, fn
        self.mode, self.state, self.fixed = mode, state, fixed

    def differentiable(self):
        return [
            name
            for name, value in self.inputs.items()
            if value.is_floating_point() and name not in self.state and name not in self.fixed
        ]

    def encoded(self):
        live = {
            name: value.double() if value.is_floating_point() else value.clone()
            for name, value in self.inputs.items()
        }
        wanted = self.differentiable()
        for name in wanted:
            live[name].requires_grad_(True)
        y = self.fn(**live)
        generator = torch.Generator().manual_seed(zlib.crc32(f"{self.op} {self.name}".encode()))
        upstream = torch.randn(y.shape, generator=generator)
        y.backward(upstream.double())
        zero = {name: torch.zeros_like(live[name]) for name in wanted if live[name].grad is None}
        return {
            "op": self.op,
            "name": self.name,
            "attrs": self.attrs,
            "mode": self.mode,
            "inputs": encode.tensors(self.inputs),
            "y": encode.tensor(y),
            "upstream": encode.tensor(upstream),
            "gradients": encode.tensors({name: zero.get(name, live[name].grad) for name in wanted}),
            "state": encode.tensors({name: live[name] for name in self.state}),
        }


class Source:
    """Numbers for the inputs of one operator, from a seed of its own."""

    def __init__(self, op):
        self.generator = torch.Generator().manual_seed(zlib.crc32(op.encode()))

    def normal(self, *shape, scale=1.0, shift=0.0):
        return torch.randn(shape, generator=self.generator) * scale + shift

    def uniform(self, *shape, low=0.0, high=1.0):
        return torch.rand(shape, generator=self.generator) * (high - low) + low

    def index(self, classes, *shape):
        return torch.randint(classes, shape, generator=self.generator)

    def halves(self, *shape):
        """Multiples of 1/2 between -1 and 1: plenty of equal values."""
        return (torch.randint(5, shape, generator=self.generator) - 2) / 2


def make(folder, only=None):
    cases = []
    for part in (ops_spatial, ops_norm, ops_pointwise, ops_shape, ops_loss):
        for op, list_cases in part.OPERATORS.items():
            if only is None or op in only:
                cases += [Case(op, **case).encoded() for case in list_cases(Source(op))]
    counts = {}
    for case in cases:
        counts[case["op"]] = counts.get(case["op"], 0) + 1
    print(f"{len(cases)} cases:", " ".join(f"{op} {count}" for op, count in counts.items()))
    if only is None:
        encode.write(folder / "ops.json", {"kind": "ops", "versions": encode.versions(), "cases": cases})
