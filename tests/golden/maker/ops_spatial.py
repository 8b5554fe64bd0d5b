"""Convolutions, pools, upsampling."""

import torch
from torch.nn import functional as F


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def padded(x, padding, value=0.0):
    """x padded by {top, left, bottom, right}, and the padding left for the operator itself."""
    if not isinstance(padding, dict):
        return x, padding
    return F.pad(x, (padding["left"], padding["right"], padding["top"], padding["bottom"]), value=value), 0


def conv_case(source, name, batch, channels, height, width, outputs, kernel, bias=True, **attrs):
    groups = attrs.get("groups", 1)
    inputs = {
        "x": source.normal(batch, channels, height, width),
        "weight": source.normal(outputs, channels // groups, *pair(kernel), scale=0.5),
    }
    if bias:
        inputs["bias"] = source.normal(outputs)

    def fn(x, weight, bias=None):
        x, padding = padded(x, attrs.get("padding", 0))
        return F.conv2d(x, weight, bias, attrs.get("stride", 1), padding, attrs.get("dilation", 1), groups)

    return dict(name=name, attrs=attrs, inputs=inputs, fn=fn)


def conv2d(source):
    sides = {"top": 2, "left": 0, "bottom": 1, "right": 3}
    return [
        conv_case(source, "plain", 2, 3, 5, 7, 4, 3),
        conv_case(source, "no bias, stride 2, padding 2", 2, 1, 9, 8, 3, 5, bias=False, stride=2, padding=2),
        conv_case(
            source,
            "unequal stride, padding, dilation",
            2,
            2,
            9,
            11,
            3,
            (3, 2),
            stride=[2, 3],
            padding=[2, 1],
            dilation=[1, 2],
        ),
        conv_case(source, "padding on each side", 1, 2, 6, 5, 3, 3, stride=2, padding=sides),
        conv_case(source, "padding on each side, dilated", 1, 3, 5, 5, 2, 3, dilation=2, padding=sides),
        conv_case(source, "groups", 2, 6, 5, 5, 9, 3, padding=1, groups=3),
        conv_case(source, "depthwise, stride 2", 2, 5, 6, 7, 5, 3, stride=2, padding=1, groups=5, bias=False),
        conv_case(
            source, "depthwise with multiplier, dilated", 1, 3, 7, 7, 6, 3, dilation=2, padding=2, groups=3
        ),
        conv_case(source, "1x1, stride 2 that skips pixels", 2, 5, 6, 5, 3, 1, stride=2),
        conv_case(source, "stride leaves a rest", 1, 2, 8, 10, 2, 3, stride=3),
    ]


def transpose_case(source, name, batch, channels, height, width, outputs, kernel, bias=True, **attrs):
    groups = attrs.get("groups", 1)
    inputs = {
        "x": source.normal(batch, channels, height, width),
        "weight": source.normal(channels, outputs // groups, *pair(kernel), scale=0.5),
    }
    if bias:
        inputs["bias"] = source.normal(outputs)

    def fn(x, weight, bias=None):
        return F.conv_transpose2d(
            x,
            weight,
            bias,
            attrs.get("stride", 1),
            attrs.get("padding", 0),
            attrs.get("outputPadding", 0),
            groups,
            attrs.get("dilation", 1),
        )

    return dict(name=name, attrs=attrs, inputs=inputs, fn=fn)


def conv_transpose2d(source):
    return [
        transpose_case(source, "plain", 2, 3, 4, 3, 2, 3),
        transpose_case(
            source, "stride 2, output padding", 2, 2, 3, 4, 3, 3, stride=2, padding=1, outputPadding=1
        ),
        transpose_case(
            source,
            "unequal everything",
            1,
            2,
            3,
            4,
            3,
            (2, 3),
            bias=False,
            stride=[3, 2],
            padding=[1, 2],
            outputPadding=[2, 0],
            dilation=[2, 1],
        ),
        transpose_case(source, "groups, dilated", 2, 4, 3, 3, 6, 3, dilation=2, padding=1, groups=2),
        transpose_case(source, "depthwise, kernel 2, stride 2", 1, 5, 3, 4, 5, 2, stride=2, groups=5),
        transpose_case(source, "kernel smaller than stride", 1, 2, 3, 3, 2, 2, stride=3, outputPadding=1),
    ]


def max_case(name, x, **attrs):
    def fn(x):
        x, padding = padded(x, attrs.get("padding", 0), -float("inf"))
        return F.max_pool2d(
            x,
            attrs["kernel"],
            attrs.get("stride"),
            padding,
            attrs.get("dilation", 1),
            attrs.get("ceilMode", False),
        )

    return dict(name=name, attrs=attrs, inputs={"x": x}, fn=fn)


def max_pool2d(source):
    return [
        max_case("stride is the kernel", source.normal(2, 3, 6, 7), kernel=2),
        max_case("overlapping, padded", source.normal(1, 3, 7, 6), kernel=3, stride=2, padding=1),
        max_case(
            "ceil mode, last window starts in bounds",
            source.normal(1, 2, 7, 8),
            kernel=3,
            stride=2,
            ceilMode=True,
        ),
        max_case(
            "ceil mode drops a window in the padding",
            source.normal(1, 2, 5, 5),
            kernel=2,
            stride=2,
            padding=1,
            ceilMode=True,
        ),
        max_case(
            "dilated, unequal",
            source.normal(1, 2, 8, 9),
            kernel=[2, 3],
            stride=[1, 2],
            padding=[1, 1],
            dilation=[3, 2],
        ),
        max_case(
            "padding on each side",
            source.normal(1, 2, 5, 6),
            kernel=3,
            stride=2,
            padding={"top": 1, "left": 0, "bottom": 0, "right": 2},
        ),
        max_case("ties go to the first", source.halves(2, 3, 6, 6), kernel=3, stride=2, padding=1),
        max_case("all equal", torch.zeros(1, 1, 4, 4), kernel=3, stride=1, padding=1),
    ]


def avg_case(name, x, **attrs):
    def fn(x):
        return F.avg_pool2d(
            x,
            attrs["kernel"],
            attrs.get("stride"),
            attrs.get("padding", 0),
            attrs.get("ceilMode", False),
            attrs.get("countIncludePad", True),
        )

    return dict(name=name, attrs=attrs, inputs={"x": x}, fn=fn)


def avg_pool2d(source):
    return [
        avg_case("stride is the kernel", source.normal(2, 3, 6, 7), kernel=[2, 3]),
        avg_case("padding counts", source.normal(1, 3, 7, 6), kernel=3, stride=2, padding=1),
        avg_case(
            "padding left out",
            source.normal(1, 3, 7, 6),
            kernel=3,
            stride=2,
            padding=1,
            countIncludePad=False,
        ),
        avg_case(
            "ceil mode: beyond the padding never counts",
            source.normal(1, 2, 8, 7),
            kernel=3,
            stride=2,
            padding=1,
            ceilMode=True,
        ),
        avg_case(
            "ceil mode, padding left out",
            source.normal(1, 2, 8, 7),
            kernel=3,
            stride=2,
            padding=1,
            ceilMode=True,
            countIncludePad=False,
        ),
        avg_case(
            "ceil mode, no padding", source.normal(1, 2, 6, 8), kernel=[3, 4], stride=[2, 3], ceilMode=True
        ),
        avg_case(
            "ceil mode drops a window",
            source.normal(1, 2, 5, 5),
            kernel=2,
            stride=2,
            padding=1,
            ceilMode=True,
        ),
    ]


def adaptive_avg_pool2d(source):
    return [
        dict(
            name=f"{list(size)} to {output}",
            attrs={"outputSize": output},
            inputs={"x": source.normal(2, 2, *size)},
            fn=lambda x, output=output: F.adaptive_avg_pool2d(x, output),
        )
        for size, output in [((7, 5), 3), ((10, 7), [4, 2]), ((3, 2), [5, 3]), ((6, 6), 2), ((5, 9), 1)]
    ]


def globals_of(reduce):
    def cases(source):
        return [
            dict(
                name=f"keepDims {keep}",
                attrs={"keepDims": keep},
                inputs={"x": x},
                fn=lambda x, keep=keep: reduce(x, keep),
            )
            for keep, x in [(False, source.normal(3, 5, 4, 7)), (True, source.normal(2, 3, 3, 1))]
        ]

    return cases


def upsample_nearest(source):
    return [
        dict(
            name=f"scale {scale}",
            attrs={"scale": scale},
            inputs={"x": source.normal(2, 3, 3, 4)},
            fn=lambda x, scale=scale: F.interpolate(x, scale_factor=pair(scale), mode="nearest"),
        )
        for scale in (2, [1, 3], 3)
    ]


def global_max(x, keep):
    y = F.max_pool2d(x, x.shape[2:])
    return y if keep else y.flatten(1)


OPERATORS = {
    "conv2d": conv2d,
    "convTranspose2d": conv_transpose2d,
    "maxPool2d": max_pool2d,
    "avgPool2d": avg_pool2d,
    "adaptiveAvgPool2d": adaptive_avg_pool2d,
    "globalAvgPool2d": globals_of(lambda x, keep: x.mean((2, 3), keepdim=keep)),
    "globalMaxPool2d": globals_of(global_max),
    "upsampleNearest": upsample_nearest,
}
