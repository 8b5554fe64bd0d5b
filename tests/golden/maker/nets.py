"""Builds a torch module from the layer description of a golden file, and writes such descriptions."""

from collections import OrderedDict

from torch import nn


class Residual(nn.Module):
    """y = body(x) + shortcut(x); no shortcut means x itself."""

    def __init__(self, body, shortcut):
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))


class GlobalAveragePool(nn.Module):
    """[N, C, H, W] to [N, C]."""

    def forward(self, x):
        return x.mean((2, 3))


def build(layer):
    kind = layer["kind"]
    options = {key: value for key, value in layer.items() if key != "kind"}
    return BUILDERS[kind](**options)


def build_sequential(layers):
    return nn.Sequential(OrderedDict((name, build(layer)) for name, layer in layers))


def build_residual(layers, shortcut):
    return Residual(
        build_sequential(layers), None if shortcut is None else build_sequential(shortcut["layers"])
    )


def build_conv(kernel, **options):
    return nn.Conv2d(options.pop("in"), options.pop("out"), kernel, **options)


def build_linear(**options):
    return nn.Linear(options["in"], options["out"], bias=options["bias"])


def build_batch_norm(features, eps, momentum, affine, trackRunningStats):
    return nn.BatchNorm2d(features, eps, momentum, affine, trackRunningStats)


def build_max_pool(kernel, stride, padding, dilation, ceilMode):
    return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceilMode)


def build_avg_pool(kernel, stride, padding, ceilMode, countIncludePad):
    return nn.AvgPool2d(kernel, stride, padding, ceilMode, countIncludePad)


BUILDERS = {
    "sequential": build_sequential,
    "residual": build_residual,
    "conv2d": build_conv,
    "linear": build_linear,
    "batchNorm": build_batch_norm,
    "layerNorm": lambda normalizedShape, eps, affine: nn.LayerNorm(normalizedShape, eps, affine),
    "groupNorm": lambda groups, features, eps, affine: nn.GroupNorm(groups, features, eps, affine),
    "instanceNorm": lambda features, eps, affine: nn.InstanceNorm2d(features, eps, affine=affine),
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": lambda approximate: nn.GELU(approximate),
    "flatten": nn.Flatten,
    "maxPool2d": build_max_pool,
    "avgPool2d": build_avg_pool,
    "globalAvgPool2d": GlobalAveragePool,
}


def sequential(*layers):
    """Plain layers are numbered by position; a pair (name, layer) has its own name."""
    named = [layer if isinstance(layer, tuple) else (str(i), layer) for i, layer in enumerate(layers)]
    return {"kind": "sequential", "layers": [[name, layer] for name, layer in named]}


def residual(*layers, shortcut=None):
    return {
        "kind": "residual",
        "layers": sequential(*layers)["layers"],
        "shortcut": None if shortcut is None else {"layers": sequential(*shortcut)["layers"]},
    }


def conv(inputs, outputs, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True):
    return {
        "kind": "conv2d",
        "in": inputs,
        "out": outputs,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": bias,
    }


def linear(inputs, outputs, bias=True):
    return {"kind": "linear", "in": inputs, "out": outputs, "bias": bias}


def batch_norm(features, eps=1e-5, momentum=0.1, affine=True, track=True):
    return {
        "kind": "batchNorm",
        "features": features,
        "eps": eps,
        "momentum": momentum,
        "affine": affine,
        "trackRunningStats": track,
    }


def max_pool(kernel, stride, padding=0, dilation=1, ceil=False):
    return {
        "kind": "maxPool2d",
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceilMode": ceil,
    }


def avg_pool(kernel, stride, padding=0, ceil=False, include=True):
    return {
        "kind": "avgPool2d",
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "ceilMode": ceil,
        "countIncludePad": include,
    }


def layer_norm(shape, eps=1e-5):
    return {"kind": "layerNorm", "normalizedShape": shape, "eps": eps, "affine": True}


def group_norm(groups, features, eps=1e-5):
    return {"kind": "groupNorm", "groups": groups, "features": features, "eps": eps, "affine": True}


def instance_norm(features, eps=1e-5):
    return {"kind": "instanceNorm", "features": features, "eps": eps, "affine": True}


def gelu(approximate="none"):
    return {"kind": "gelu", "approximate": approximate}


def plain(kind):
    return {"kind": kind}


def book(widths, activation, norm=True):
    """Five stride-2 convolutions, the first 5x5 then 3x3; norm and activation after all but the last."""
    layers = []
    channels = 1
    for i, width in enumerate(widths):
        last = i == len(widths) - 1
        kernel = 5 if i == 0 else 3
        layers.append(conv(channels, width, kernel, stride=2, padding=kernel // 2, bias=last or not norm))
        if not last:
            layers += [batch_norm(width), activation] if norm else [activation]
        channels = width
    return sequential(*layers, plain("flatten"))
