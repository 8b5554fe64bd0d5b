"""State dicts as safetensors files, and what the nets answer in evaluation mode."""

import copy

import safetensors
import torch
from safetensors.torch import save_file

from . import encode, onnx_files
from .runs import SILU, batch_norm, conv, group_norm, instance_norm, layer_norm, linear, plain, residual_net
from .runs import sequential, small_book
from .steps import RELU, overlapping_net, pooled_net
from .train import quantise, seeded_net

EXAMPLES = 3


def depthwise_net():
    return sequential(
        conv(3, 8, 3, stride=2, padding=1, bias=False),
        batch_norm(8, eps=1e-3, momentum=0.01),
        plain("silu"),
        conv(8, 8, 3, padding=2, dilation=2, groups=8, bias=False),
        batch_norm(8, affine=False),
        plain("silu"),
        conv(8, 12, 1),
        plain("tanh"),
        plain("globalAvgPool2d"),
        linear(12, 5, bias=False),
    )


def norms_net():
    return sequential(
        conv(1, 8, 3, padding=1),
        group_norm(2, 8),
        SILU,
        conv(8, 6, 3, stride=2, padding=1),
        instance_norm(6),
        SILU,
        plain("flatten"),
        linear(96, 12),
        layer_norm([12]),
        SILU,
        linear(12, 4),
    )


NETS = {
    "book": (lambda: small_book(RELU), (1, 28, 28)),
    "residual": (lambda: residual_net(RELU), (3, 12, 12)),
    "depthwise": (depthwise_net, (3, 10, 10)),
    "norms": (norms_net, (1, 8, 8)),
    "pooled": (pooled_net, (1, 14, 14)),
    "overlapping": (overlapping_net, (3, 12, 12)),
}


def make(folder, only=None):
    target = folder / "models"
    target.mkdir(exist_ok=True)
    entries = []
    for index, (name, (layers, shape)) in enumerate(NETS.items()):
        entries.append(entry(target, name, layers(), shape, index))
    save_dtypes(target)
    versions = {**encode.versions(), "safetensors": safetensors.__version__}
    encode.write(target / "states.json", {"kind": "states", "versions": versions, "nets": entries})
    onnx_files.make(folder)


def entry(target, name, model, shape, seed):
    net = seeded_net(model, 500 + seed)
    generator = torch.Generator().manual_seed(500 + seed)

    def images(count):
        return quantise(torch.randn(count, *shape, generator=generator) * 0.8)

    # A few batches in training mode: running statistics off 0 and 1, counters off 0.
    net.train()
    with torch.no_grad():
        for _ in range(5):
            net(images(8) * 1.5 + 0.3)
    net.eval()
    inputs = images(EXAMPLES)
    with torch.no_grad():
        exact = copy.deepcopy(net).double()(inputs.double())
    save_file(net.state_dict(), target / f"state-{name}.safetensors")
    return {
        "name": name,
        "model": model,
        "inputs": encode.bytes_tensor(inputs),
        "logits": encode.tensor(exact),
    }


def save_dtypes(target):
    """One tensor of each element type, with values at the ends of its range; a scalar and an empty one."""
    limits = torch.finfo(torch.float16)
    save_file(
        {
            "f64": torch.tensor([1 / 3, -1e300, 5e-324, float("inf")], dtype=torch.float64),
            "i64": torch.tensor([0, -1, 2**31 - 1, -(2**31)], dtype=torch.int64),
            "wide": torch.tensor([2**53 - 1, -(2**40)], dtype=torch.int64),
            "f32": torch.tensor([[1 / 3, -0.0], [3e38, 1e-45]]),
            "i32": torch.tensor([2**31 - 1, -(2**31)], dtype=torch.int32),
            "f16": torch.tensor([1 / 3, limits.max, 6e-8, float("-inf"), float("nan")], dtype=torch.float16),
            "bf16": torch.tensor([1 / 3, 3e38, -1e-40], dtype=torch.bfloat16),
            "u8": torch.tensor([0, 255, 7], dtype=torch.uint8),
            "bool": torch.tensor([True, False]),
            "scalar": torch.tensor(2.5),
            "empty": torch.zeros(0, 3),
        },
        target / "dtypes.safetensors",
        metadata={"format": "pt"},
    )
