"""Normalisations with and without affine parameters and running statistics."""

import torch
from torch.nn import functional as F


def affine(source, channels):
    return {"weight": source.normal(channels, scale=0.5, shift=1), "bias": source.normal(channels)}


def running(source, channels):
    return {"runningMean": source.normal(channels), "runningVar": source.uniform(channels, low=0.3, high=2)}


def batch_case(name, x, attrs, parameters, statistics, mode="train"):
    momentum = attrs.get("momentum", 0.1)

    def fn(x, weight=None, bias=None, runningMean=None, runningVar=None, numBatchesTracked=None):
        factor = momentum
        if numBatchesTracked is not None and mode == "train":
            numBatchesTracked += 1
            factor = 1 / int(numBatchesTracked) if momentum is None else momentum
        use_batch = mode == "train" or runningMean is None
        return F.batch_norm(
            x, runningMean, runningVar, weight, bias, use_batch, factor, attrs.get("eps", 1e-5)
        )

    return dict(
        name=name,
        attrs=attrs,
        inputs={"x": x, **parameters, **statistics},
        fn=fn,
        mode=mode,
        state=tuple(statistics),
    )


def batch_norm(source):
    counted = {**running(source, 3), "numBatchesTracked": torch.tensor(0)}
    later = {**running(source, 2), "numBatchesTracked": torch.tensor(4)}
    far = source.normal(3, 2, 4, 5, shift=1e4)
    return [
        batch_case("training", source.normal(3, 4, 3, 5, shift=2), {}, affine(source, 4), running(source, 4)),
        batch_case(
            "evaluation", source.normal(3, 4, 3, 5), {}, affine(source, 4), running(source, 4), "eval"
        ),
        batch_case(
            "[N, C]",
            source.normal(7, 5),
            {"momentum": 0.3, "eps": 1e-3},
            affine(source, 5),
            running(source, 5),
        ),
        batch_case("[N, C, L]", source.normal(2, 3, 9), {}, affine(source, 3), running(source, 3)),
        batch_case("no parameters", source.normal(2, 3, 4, 4), {}, {}, running(source, 3)),
        batch_case("no statistics", source.normal(2, 3, 4, 4), {}, affine(source, 3), {}),
        batch_case("no statistics, evaluation", source.normal(2, 3, 4, 4), {}, affine(source, 3), {}, "eval"),
        batch_case(
            "cumulative average, first",
            source.normal(2, 3, 2, 2),
            {"momentum": None},
            affine(source, 3),
            counted,
        ),
        batch_case("cumulative average, fifth", source.normal(2, 2, 3, 3), {"momentum": None}, {}, later),
        batch_case("mean 1e4, deviation 1", far, {}, affine(source, 2), running(source, 2)),
    ]


def layer_norm(source):
    def case(name, shape, normalized, parameters=True, **attrs):
        attrs = {"normalizedShape": normalized, **attrs}
        inputs = {"x": source.normal(*shape, shift=0.5)}
        if parameters:
            inputs |= {"weight": source.normal(*normalized, shift=1), "bias": source.normal(*normalized)}
        return dict(
            name=name,
            attrs=attrs,
            inputs=inputs,
            fn=lambda x, weight=None, bias=None: F.layer_norm(
                x, normalized, weight, bias, attrs.get("eps", 1e-5)
            ),
        )

    return [
        case("last axis", (5, 7), [7]),
        case("three axes", (3, 4, 3, 2), [4, 3, 2]),
        case("two of three, eps", (2, 5, 6), [5, 6], eps=1e-2),
        case("no parameters", (4, 9), [9], parameters=False),
    ]


def group_norm(source):
    def case(name, shape, groups, parameters=True, **attrs):
        attrs = {"groups": groups, **attrs}
        inputs = {"x": source.normal(*shape, shift=0.5), **(affine(source, shape[1]) if parameters else {})}
        return dict(
            name=name,
            attrs=attrs,
            inputs=inputs,
            fn=lambda x, weight=None, bias=None: F.group_norm(
                x, groups, weight, bias, attrs.get("eps", 1e-5)
            ),
        )

    return [
        case("3 groups of 2", (2, 6, 3, 4), 3),
        case("one group", (2, 5, 3, 3), 1),
        case("a group a channel", (2, 4, 3, 3), 4),
        case("no parameters, eps", (3, 4, 2, 5), 2, parameters=False, eps=1e-3),
    ]


def instance_norm(source):
    def case(name, shape, parameters, statistics, mode="train", **attrs):
        inputs = {
            "x": source.normal(*shape, shift=0.5),
            **(affine(source, shape[1]) if parameters else {}),
            **(running(source, shape[1]) if statistics else {}),
        }
        use_batch = mode == "train" or not statistics

        def fn(x, weight=None, bias=None, runningMean=None, runningVar=None):
            return F.instance_norm(
                x,
                runningMean,
                runningVar,
                weight,
                bias,
                use_batch,
                attrs.get("momentum", 0.1),
                attrs.get("eps", 1e-5),
            )

        return dict(
            name=name,
            attrs=attrs,
            inputs=inputs,
            fn=fn,
            mode=mode,
            state=("runningMean", "runningVar") if statistics else (),
        )

    return [
        case("no statistics", (2, 3, 4, 5), True, False),
        case("no parameters, eps", (3, 2, 3, 3), False, False, eps=1e-3),
        case("training with statistics", (3, 4, 3, 4), True, True, momentum=0.25),
        case("evaluation with statistics", (2, 3, 3, 4), True, True, "eval"),
        case("evaluation without", (2, 3, 2, 4), True, False, "eval"),
    ]


OPERATORS = {
    "batchNorm": batch_norm,
    "layerNorm": layer_norm,
    "groupNorm": group_norm,
    "instanceNorm": instance_norm,
}
