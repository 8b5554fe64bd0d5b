"""Counts of five nets: parameters, shapes and multiply-adds as PyTorch has them."""

import json

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

BATCH = 8


def conv_block(inputs, outputs, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def book(norm):
    layers, channels = [], 1
    for i, width in enumerate([8, 16, 32, 64]):
        kernel = 5 if i == 0 else 3
        layers.append(nn.Conv2d(channels, width, kernel, 2, kernel // 2, bias=not norm))
        layers += [nn.BatchNorm2d(width), nn.ReLU()] if norm else [nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, 10, 3, 2, 1), nn.Flatten())


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def cnn():
    pool = [nn.MaxPool2d(2), nn.MaxPool2d(2)]
    return nn.Sequential(
        conv_block(1, 8), pool[0], conv_block(8, 16), pool[1], conv_block(16, 32), GlobalAverage(), nn.Linear(32, 10)
    )


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x):
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        return (y + (x if self.shortcut is None else self.shortcut(x))).relu()


def resnet8():
    return nn.Sequential(
        conv_block(3, 16), BasicBlock(16, 16), BasicBlock(16, 32, 2), BasicBlock(32, 64, 2), GlobalAverage(),
        nn.Linear(64, 10),
    )


NETS = {
    "book": (lambda: book(True), [1, 28, 28]),
    "book-plain": (lambda: book(False), [1, 28, 28]),
    "mlp": (mlp, [1, 28, 28]),
    "cnn": (cnn, [1, 28, 28]),
    "resnet8": (resnet8, [3, 32, 32]),
}


def describe(build, shape):
    model = build()
    leaves = [module for module in model.modules() if not list(module.children())]
    outputs = []
    for module in leaves:
        module.register_forward_hook(lambda *call: outputs.append(list(call[2].shape)))
    x = torch.randn(BATCH, *shape)
    labels = torch.zeros(BATCH, dtype=torch.long)
    with FlopCounterMode(display=False) as forward:
        loss = nn.functional.cross_entropy(model(x), labels)
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    norms = [module for module in leaves if isinstance(module, nn.BatchNorm2d)]
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "buffers": sum(buffer.numel() for buffer in model.buffers()),
        "gamma": sum(module.weight.numel() for module in norms),
        "beta": sum(module.bias.numel() for module in norms),
        "shapes": sorted(list(parameter.shape) for parameter in model.parameters()),
        "outputs": sorted(outputs),
        "forwardMacs": forward.get_total_flops() // 2,
        "backwardMacs": backward.get_total_flops() // 2,
    }


def make(folder, names=None):
    nets = {name: describe(*net) for name, net in NETS.items()}
    (folder / "summary.json").write_text(json.dumps({"batch": BATCH, "nets": nets}) + "\n")
