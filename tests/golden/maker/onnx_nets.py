"""Small nets of the well-known kinds, for export by torch.onnx. Widths are tiny; the structure is what counts."""

import torch
from torch import nn
from torch.nn import functional as F


def conv_norm(inputs, outputs, kernel=3, stride=1, groups=1, act=nn.ReLU):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


class Basic(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = conv_norm(inputs, outputs, 3, stride)
        self.conv2 = conv_norm(outputs, outputs, 3, act=None)
        changes = stride != 1 or inputs != outputs
        self.downsample = conv_norm(inputs, outputs, 1, stride, act=None) if changes else nn.Identity()

    def forward(self, x):
        return F.relu(self.conv2(self.conv1(x)) + self.downsample(x))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, outputs, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(inputs, width, 1), conv_norm(width, width, 3, stride), conv_norm(width, outputs, 1, act=None)
        )
        self.downsample = conv_norm(inputs, outputs, 1, stride, act=None)

    def forward(self, x):
        return F.relu(self.body(x) + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 8, 5, 2), nn.MaxPool2d(3, 2, 1))
        if block is Basic:
            self.layers = nn.Sequential(Basic(8, 8), Basic(8, 16, 2))
        else:
            self.layers = nn.Sequential(Bottleneck(8, 4, 12), Bottleneck(12, 4, 16, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layers(self.stem(x))), 1))


class Inverted(nn.Module):
    """MobileNetV2's block: expand, depthwise, project."""

    def __init__(self, inputs, outputs, stride, act=nn.ReLU6, squeeze=False):
        super().__init__()
        width = inputs * 2
        self.expand = conv_norm(inputs, width, 1, act=act)
        self.depthwise = conv_norm(width, width, 3, stride, groups=width, act=act)
        self.squeeze = Squeeze(width) if squeeze else nn.Identity()
        self.project = conv_norm(width, outputs, 1, act=None)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.squeeze(self.depthwise(self.expand(x))))
        return x + y if self.adds else y


class Squeeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, width, gate=nn.Hardsigmoid):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(width, 4, 1)
        self.fc2 = nn.Conv2d(4, width, 1)
        self.gate = gate()

    def forward(self, x):
        return x * self.gate(self.fc2(F.relu(self.fc1(self.pool(x)))))


def mobile(act, squeeze):
    blocks = [Inverted(8, 8, 1, act, squeeze), Inverted(8, 12, 2, act, squeeze), Inverted(12, 12, 1, act, squeeze)]
    return nn.Sequential(
        conv_norm(3, 8, 3, 2, act=act), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(12, 10)
    )


def vgg():
    features = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    )
    head = nn.Sequential(nn.Linear(128, 24), nn.ReLU(), nn.Dropout(), nn.Linear(24, 10))
    return nn.Sequential(features, nn.Flatten(), head)


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


def densenet():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), DenseLayer(8, 4), DenseLayer(12, 4), nn.BatchNorm2d(16), nn.Conv2d(16, 8, 1),
        nn.AvgPool2d(2), DenseLayer(8, 4), DenseLayer(12, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )


class UNet(nn.Module):
    def __init__(self, up):
        super().__init__()
        self.down1, self.down2, self.middle = conv_norm(3, 6), conv_norm(6, 8), conv_norm(8, 12)
        if up == "transposed":
            self.grow2, self.grow1 = nn.ConvTranspose2d(12, 12, 2, 2), nn.ConvTranspose2d(8, 8, 4, 2, 1)
        else:
            corners = {} if up == "nearest" else {"align_corners": False}
            self.grow2 = self.grow1 = nn.Upsample(scale_factor=2, mode=up, **corners)
        self.up2, self.up1 = conv_norm(20, 8), conv_norm(14, 6)
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, x):
        fine = self.down1(x)
        coarse = self.down2(F.max_pool2d(fine, 2))
        middle = self.middle(F.max_pool2d(coarse, 2))
        up = self.up2(torch.cat([self.grow2(middle), coarse], 1))
        return self.head(self.up1(torch.cat([self.grow1(up), fine], 1)))


class Fire(nn.Module):
    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.one, self.three = nn.Conv2d(squeeze, expand, 1), nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)


def squeezenet():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(8, 4, 6), Fire(12, 4, 8), nn.Dropout(),
        nn.Conv2d(16, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )


class Inception(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.a, self.b = conv_norm(inputs, 4, 1), nn.Sequential(conv_norm(inputs, 4, 1), conv_norm(4, 6, 5))
        self.c = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_norm(inputs, 3, 1))
        self.d = nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), conv_norm(inputs, 3, 1))

    def forward(self, x):
        return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], 1)


def inception():
    return nn.Sequential(
        conv_norm(3, 8, 3, 2), Inception(8), nn.AvgPool2d(3, 2, 1, ceil_mode=True), Inception(16), nn.AdaptiveMaxPool2d(1),
        nn.Flatten(), nn.Linear(16, 10),
    )


class Shuffle(nn.Module):
    """ShuffleNet's unit: half of the channels passes, then groups are mixed."""

    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(conv_norm(half, half, 1), conv_norm(half, half, 3, groups=half, act=None), conv_norm(half, half, 1))

    def forward(self, x):
        a, b = x.chunk(2, 1)
        y = torch.cat([a, self.branch(b)], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def shufflenet():
    return nn.Sequential(conv_norm(3, 8, 3, 2), Shuffle(8), Shuffle(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


class ConvNextBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.up, self.down = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.gamma * self.down(F.gelu(self.up(y)))).permute(0, 3, 1, 2)


def convnext():
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), ConvNextBlock(8), ConvNextBlock(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 10))


class MixerBlock(nn.Module):
    def __init__(self, patches, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.tokens = nn.Sequential(nn.Linear(patches, 12), nn.GELU(approximate="tanh"), nn.Linear(12, patches))
        self.mix = nn.Sequential(nn.Linear(channels, 16), nn.GELU(), nn.Linear(16, channels))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.mix(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.block = MixerBlock(16, 8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.block(self.patch(x).flatten(2).transpose(1, 2)).mean(1))


class Attention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x):
        n, length, channels = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) * (channels // self.heads) ** -0.5
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, channels))


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 8) * 0.5)
        self.position = nn.Parameter(torch.randn(1, 17, 8) * 0.5)
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(8), Attention(8, 2), nn.LayerNorm(8)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(x[:, 0])


def group_net():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.SiLU(), nn.Conv2d(8, 12, 3, 2, 1), nn.GroupNorm(3, 12), nn.SiLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10),
    )


def style_net():
    """Reflected margins, instance norm, PReLU: image to image."""
    return nn.Sequential(
        nn.ReflectionPad2d(2), nn.Conv2d(3, 8, 5), nn.InstanceNorm2d(8, affine=True), nn.PReLU(8), nn.ReplicationPad2d(1),
        nn.Conv2d(8, 3, 3), nn.PReLU(), nn.Tanh(),
    )


def alexnet():
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.LocalResponseNorm(5, alpha=0.1, k=2), nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 12, 3, padding=1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10), nn.LogSoftmax(1),
    )


def autoencoder():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ELU(), nn.Conv2d(8, 4, 3, 2, 1), nn.ELU(), nn.ConvTranspose2d(4, 8, 3, 2, 1, output_padding=1),
        nn.ELU(), nn.ConvTranspose2d(8, 3, 4, 2, 1, groups=1), nn.Sigmoid(),
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(128, 16), nn.Tanh(),
        nn.Linear(16, 10), nn.Softmax(1),
    )


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(48, 12)
        self.kinds = nn.ModuleList([
            nn.ELU(0.7), nn.SELU(), nn.CELU(1.3), nn.Mish(), nn.Softplus(), nn.LeakyReLU(0.2), nn.Hardsigmoid(), nn.Hardswish(),
            nn.Softsign(), nn.ReLU6(), nn.Sigmoid(), nn.GELU(), nn.SiLU(), nn.Hardtanh(-0.4, 0.7), nn.LogSigmoid(),
        ])
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        x = self.layer(torch.flatten(F.adaptive_avg_pool2d(x, 4), 1))
        total = sum(kind(x) for kind in self.kinds) / len(self.kinds)
        total = total + torch.exp(-x.abs()) + torch.sqrt(x * x + 1) + torch.log(x.pow(2) + 1) / 3 + torch.clamp(x, min=-0.3)
        total = total + torch.max(x, total) - torch.min(x, total) + x.amax(1, keepdim=True) - x.sum(1, keepdim=True) / 12
        return self.head(total + x.norm(dim=1, keepdim=True) + torch.logsumexp(x, 1, keepdim=True) - x.mean(1, keepdim=True))


class Cuts(nn.Module):
    """Slices, pads, stacks, pixel shuffles and reshapes whose sizes are computed."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(64, 10)

    def forward(self, x):
        x = self.conv(x)
        a = F.pixel_shuffle(x, 2)[:, :, ::2, 1::2]
        b = F.pad(x[:, 2:4, 1:-1, 2:], (1, 1, 2, 0), value=0.25)
        c = F.pixel_unshuffle(b[:, :, 2:, :], 2)
        d = torch.stack([c, c.flip(3)], 2).flatten(1, 2)
        y = F.avg_pool2d(d, 2).repeat(1, 2, 1, 1)[:, :16]
        y = y.reshape(y.shape[0], -1, 2, 4).sum(2) + a.mean((2, 3)).unsqueeze(-1).repeat(1, 1, 4)[:, :1]
        return self.head(y.reshape(y.shape[0], -1)[:, :64])


def smooth():
    """Nothing in it has a kink, so that runs of a few steps stay equal."""
    return nn.Sequential(
        conv_norm(3, 8, 3, 2, act=nn.SiLU), conv_norm(8, 8, 3, groups=8, act=nn.Tanh), nn.AvgPool2d(2),
        conv_norm(8, 12, 3, act=nn.GELU), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 16), nn.LayerNorm(16), nn.SiLU(), nn.Linear(16, 10),
    )
