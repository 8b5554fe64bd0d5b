"""One training step as torch does it, shared by the fifty-step runs and by the single steps."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .nets import build


def images(generator, batches, batch, shape, classes, noise=0.6, mistaken=0.0):
    """Class patterns of plane waves plus noise, rounded to byte/64 - 2 so that every value is exact.

    A share `mistaken` of the labels is random: that keeps the loss off 0, where relative error means little.
    """
    channels, height, width = shape
    rows = torch.arange(height).reshape(-1, 1) / height
    columns = torch.arange(width).reshape(1, -1) / width
    turns = torch.rand(classes, channels, 3, generator=generator) * 4 - 2
    phase = turns[..., 0, None, None] * rows + turns[..., 1, None, None] * columns + turns[..., 2, None, None]
    patterns = torch.sin(2 * math.pi * phase) * 0.8
    targets = torch.randint(classes, (batches, batch), generator=generator)
    values = patterns[targets] + noise * torch.randn(batches, batch, *shape, generator=generator)
    wrong = torch.rand(targets.shape, generator=generator) < mistaken
    labels = torch.where(wrong, torch.randint(classes, targets.shape, generator=generator), targets)
    return quantise(values), labels


def quantise(values):
    return torch.clamp(torch.round(values * 64), -128, 127) / 64


def one_cycle(steps, lr_max, pct_start=0.25, moms=(0.95, 0.85, 0.95), div=25, div_final=1e5):
    """lr and momentum at position k/steps; cosine between the three corners."""

    def at(corners, position):
        rising = position < pct_start
        start, end = corners[:2] if rising else corners[1:]
        share = position / pct_start if rising else (position - pct_start) / (1 - pct_start)
        return start + (1 + math.cos(math.pi * (1 - share))) * (end - start) / 2

    positions = [k / steps for k in range(steps)]
    lrs = (lr_max / div, lr_max, lr_max / div_final)
    return {"lr": [at(lrs, p) for p in positions], "momentum": [at(moms, p) for p in positions]}


def constant(steps, lr, momentum):
    return {"lr": [lr] * steps, "momentum": [momentum] * steps}


def seeded_net(model, seed):
    """PyTorch's default initialisation, but weights of norms off 1 and biases off 0: a mix-up shows."""
    torch.manual_seed(seed)
    net = build(model)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)):
                if module.weight is not None:
                    module.weight.uniform_(0.6, 1.4)
                    module.bias.uniform_(-0.3, 0.3)
    return net


def loss_of(spec, outputs, targets):
    kind = spec["kind"]
    if kind == "crossEntropy":
        weight = spec.get("weight")
        return F.cross_entropy(
            outputs,
            targets,
            None if weight is None else torch.tensor(weight, dtype=outputs.dtype),
            ignore_index=spec.get("ignoreIndex", -100),
            label_smoothing=spec.get("labelSmoothing", 0.0),
        )
    targets = targets.to(outputs.dtype)
    if kind == "mse":
        return F.mse_loss(outputs, targets)
    if kind == "huber":
        return F.huber_loss(outputs, targets, delta=spec["delta"])
    pos_weight = torch.tensor(spec["posWeight"], dtype=outputs.dtype)
    return F.binary_cross_entropy_with_logits(outputs, targets, pos_weight=pos_weight)


def optimizer_of(spec, net):
    named = dict(net.named_parameters())
    groups = [
        {
            "params": [named[name] for name in group["params"]],
            "weight_decay": group["weightDecay"],
            "factor": group["lrFactor"],
        }
        for group in spec["groups"]
    ]
    if spec["kind"] == "sgd":
        # Torch refuses Nesterov at momentum 0; the true values are set before every step.
        return torch.optim.SGD(
            groups, lr=1.0, momentum=0.5, dampening=spec["dampening"], nesterov=spec["nesterov"]
        )
    kind = torch.optim.AdamW if spec["kind"] == "adamw" else torch.optim.Adam
    return kind(groups, lr=1.0, betas=(0.9, spec["beta2"]), eps=spec["eps"])


def set_hypers(optimizer, lr, momentum):
    for group in optimizer.param_groups:
        group["lr"] = lr * group["factor"]
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum


def freeze(net, spec):
    """Frozen layers keep their parameters; their batch norms use the running statistics unchanged."""
    if spec is None:
        return
    for path in spec["paths"]:
        module = net.get_submodule(path)
        module.requires_grad_(False)
        module.eval()


def clip(net, spec):
    if spec is None:
        return None
    if "norm" in spec:
        return float(nn.utils.clip_grad_norm_(net.parameters(), spec["norm"]))
    nn.utils.clip_grad_value_(net.parameters(), spec["value"])
    return None


def step(net, optimizer, run, micro_batches, lr, momentum):
    """Mean loss over the micro-batches; gradients of that mean, clipped, applied."""
    set_hypers(optimizer, lr, momentum)
    optimizer.zero_grad()
    total = 0.0
    for inputs, targets in micro_batches:
        loss = loss_of(run["loss"], net(inputs), targets) / len(micro_batches)
        loss.backward()
        total += loss.item()
    norm = clip(net, run.get("clip"))
    optimizer.step()
    return total, norm


def parameter_groups(net, weight_decay=0.0, no_decay=False, slow=(), factor=1.0):
    """Groups by layer (path prefixes in `slow` get `factor`) and by decay (`no_decay`: none for vectors)."""
    groups = {}
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            continue
        own_factor = factor if name.startswith(tuple(slow)) and slow else 1.0
        decay = 0.0 if no_decay and parameter.dim() == 1 else weight_decay
        groups.setdefault((own_factor, decay), []).append(name)
    return [{"params": names, "lrFactor": key[0], "weightDecay": key[1]} for key, names in groups.items()]
