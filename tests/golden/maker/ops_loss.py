"""Losses with every option."""

import torch
from torch.nn import functional as F

REDUCTIONS = ("mean", "sum", "none")


def class_options(attrs):
    return dict(ignore_index=attrs.get("ignoreIndex", -100), reduction=attrs.get("reduction", "mean"))


def cross_case(name, logits, target, weight=None, **attrs):
    inputs = {"logits": logits, "target": target, **({} if weight is None else {"weight": weight})}

    def fn(logits, target, weight=None):
        return F.cross_entropy(
            logits, target, weight, label_smoothing=attrs.get("labelSmoothing", 0.0), **class_options(attrs)
        )

    return dict(name=name, attrs=attrs, inputs=inputs, fn=fn, fixed=("weight",))


def cross_entropy(source):
    def logits(*shape):
        return source.normal(*shape, scale=2)

    def shares(*shape):
        return torch.softmax(source.normal(*shape), 1)

    def weight(count):
        return source.uniform(count, low=0.2, high=2)

    holes = torch.tensor([0, -100, 3, 2, -100, 1, 4])
    made = []
    for reduction in REDUCTIONS:
        made += [
            cross_case(f"indices, {reduction}", logits(6, 5), source.index(5, 6), reduction=reduction),
            cross_case(
                f"everything, {reduction}",
                logits(7, 5),
                torch.tensor([0, 2, 3, 2, 2, 1, 4]),
                weight(5),
                labelSmoothing=0.15,
                ignoreIndex=2,
                reduction=reduction,
            ),
            cross_case(
                f"pixels, weights, ignored, {reduction}",
                logits(2, 4, 3, 2),
                source.index(4, 2, 3, 2),
                weight(4),
                ignoreIndex=1,
                reduction=reduction,
            ),
            cross_case(
                f"probabilities, weights, smoothing, {reduction}",
                logits(5, 4),
                shares(5, 4),
                weight(4),
                labelSmoothing=0.1,
                reduction=reduction,
            ),
        ]
    return made + [
        cross_case("label smoothing", logits(6, 5), source.index(5, 6), labelSmoothing=0.1),
        cross_case("weights", logits(6, 5), source.index(5, 6), weight(5)),
        cross_case("weights, smoothing", logits(6, 5), source.index(5, 6), weight(5), labelSmoothing=0.2),
        cross_case("ignored by default -100, smoothing", logits(7, 5), holes, labelSmoothing=0.1),
        cross_case("probabilities", logits(4, 3), shares(4, 3)),
        cross_case(
            "probabilities of pixels, smoothing", logits(2, 3, 2, 2), shares(2, 3, 2, 2), labelSmoothing=0.3
        ),
        cross_case("large logits", source.normal(4, 6, scale=60), source.index(6, 4)),
    ]


def nll(source):
    def case(name, classes, target, weight=None, shape=(), **attrs):
        scores = torch.log_softmax(source.normal(len(target), classes, *shape), 1)
        inputs = {"logProbs": scores, "target": target, **({} if weight is None else {"weight": weight})}
        return dict(
            name=name,
            attrs=attrs,
            inputs=inputs,
            fixed=("weight",),
            fn=lambda logProbs, target, weight=None: F.nll_loss(
                logProbs, target, weight, **class_options(attrs)
            ),
        )

    made = []
    for reduction in REDUCTIONS:
        made += [
            case(f"plain, {reduction}", 4, source.index(4, 5), reduction=reduction),
            case(
                f"weights, ignored, {reduction}",
                4,
                torch.tensor([0, 3, 1, 3, 2]),
                source.uniform(4, low=0.2, high=2),
                ignoreIndex=3,
                reduction=reduction,
            ),
        ]
    return made + [case("pixels", 3, source.index(3, 2, 2, 3), shape=(2, 3))]


def difference(loss, *attribute_sets):
    """Random pairs, and pairs whose difference sits on the corners 0, delta and 1."""

    def cases(source):
        made = []
        for attrs in attribute_sets or ({},):
            for reduction in REDUCTIONS:
                own = {**attrs, "reduction": reduction}
                for kind, x, y in (
                    ("random", source.normal(4, 5), source.normal(4, 5)),
                    ("corners", source.halves(3, 6), source.halves(3, 6)),
                ):
                    made.append(
                        dict(
                            name=f"{kind}, {own}",
                            attrs=own,
                            inputs={"x": x, "y": y},
                            fn=lambda x, y, own=own: loss(x, y, **own),
                        )
                    )
        return made

    return cases


def bce_with_logits(source):
    def case(name, shape, hard=True, weight=None, pos_weight=None, **attrs):
        y = source.index(2, *shape).float() if hard else source.uniform(*shape)
        inputs = {"x": source.normal(*shape, scale=3), "y": y}
        if weight is not None:
            inputs["weight"] = source.uniform(*weight, low=0.2, high=2)
        if pos_weight is not None:
            inputs["posWeight"] = source.uniform(*pos_weight, low=0.3, high=3)
        return dict(
            name=name,
            attrs=attrs,
            inputs=inputs,
            fixed=("weight", "posWeight"),
            fn=lambda **live: F.binary_cross_entropy_with_logits(
                live["x"],
                live["y"],
                live.get("weight"),
                None,
                None,
                attrs.get("reduction", "mean"),
                live.get("posWeight"),
            ),
        )

    made = []
    for reduction in REDUCTIONS:
        made += [
            case(f"soft targets, {reduction}", (4, 3), hard=False, reduction=reduction),
            case(f"both weights, {reduction}", (4, 3), weight=(4, 3), pos_weight=(3,), reduction=reduction),
        ]
    return made + [
        case("positive weight", (5, 4), pos_weight=(4,)),
        case("weights broadcast", (5, 4), weight=(4,)),
    ]


OPERATORS = {
    "crossEntropy": cross_entropy,
    "nll": nll,
    "mse": difference(F.mse_loss),
    "l1": difference(F.l1_loss),
    "huber": difference(
        lambda x, y, delta=1.0, reduction="mean": F.huber_loss(x, y, reduction, delta), {}, {"delta": 0.5}
    ),
    "bceWithLogits": bce_with_logits,
}
