"""Loss curves of learning-rate finders on small nets, and what fastai's four rules make of them.

The rules of fastai's callback/schedule.py, written anew with NumPy.
"""

import math

import numpy as np
import torch
from torch import nn

from . import encode

START, END = 1e-7, 10.0


def losses_of(seed, width, optimizer, steps):
    """Raw losses while lr rises from START to END by equal factors."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 4))
    update = optimizer(net.parameters(), START)
    teacher = torch.randn(12, 4)
    losses = []
    for k in range(steps):
        for group in update.param_groups:
            group["lr"] = START * (END / START) ** (k / steps)
        x = torch.randn(32, 12)
        loss = nn.functional.cross_entropy(net(x) * 3, (x @ teacher).argmax(1))
        update.zero_grad()
        loss.backward()
        update.step()
        losses.append(float(loss.detach()))
    return losses


def smoothed(raw, beta=0.98):
    """fastai's AvgSmoothLoss, up to the step that diverges."""
    value, best, shown = 0.0, math.inf, []
    for count, loss in enumerate(raw, 1):
        value = beta * value + (1 - beta) * loss
        shown.append(value / (1 - beta**count))
        best = min(best, shown[-1])
        if shown[-1] > 4 * best:
            break
    return shown


def valley(lrs, losses):
    n = len(losses)
    lengths = np.ones(n, dtype=int)
    start = end = 0
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j] and lengths[i] < lengths[j] + 1:
                lengths[i] = lengths[j] + 1
            if lengths[end] < lengths[i]:
                end = i
                start = end - lengths[end]
    sections = (end - start) / 3
    return lrs[start + int(sections) + int(sections / 2)]


def slide(lrs, losses, window=15, threshold=0.005):
    slopes = np.gradient(losses)
    right = -1
    left = right - window
    found = lrs[left]
    while left >= -len(losses) and abs(slopes[right] - slopes[left]) > threshold:
        found = lrs[left]
        right -= 1
        left -= 1
    return found


def steep(lrs, losses):
    return lrs[(np.diff(losses) / np.diff(np.log(lrs))).argmin()]


def minimum(lrs, losses):
    return lrs[losses.argmin()] / 10


def suggestions(lrs, losses, steps):
    lrs, losses = np.array(lrs)[steps // 10 : -5], np.array(losses)[steps // 10 : -5]
    nans = np.nonzero(np.isnan(losses))[0]
    if len(nans):
        lrs, losses = lrs[: nans[0]], losses[: nans[0]]
    rules = {"valley": valley, "steep": steep, "slide": slide, "minimum": minimum}
    return {name: float(rule(lrs, losses)) for name, rule in rules.items()}


def curves():
    sgd = lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=0.9)
    plain = lambda parameters, lr: torch.optim.SGD(parameters, lr)
    adam = lambda parameters, lr: torch.optim.Adam(parameters, lr)
    for seed, width, name, optimizer, steps in [
        (1, 16, "sgd momentum", sgd, 100),
        (2, 64, "sgd momentum", sgd, 100),
        (3, 32, "sgd", plain, 100),
        (4, 16, "adam", adam, 100),
        (5, 64, "adam", adam, 60),
        (6, 32, "adam", adam, 250),
    ]:
        yield f"{name} {width} #{seed}", losses_of(seed, width, optimizer, steps)
    yield "diverges to NaN", losses_of(7, 32, sgd, 100)[:80] + [math.nan] * 20
    yield "falls all the way", [10 * 0.97**k for k in range(100)]
    yield "rises all the way", [1 + 0.01 * k for k in range(100)]
    yield "flat", [2.0] * 40


def make(folder, only=None):
    entries = []
    for name, raw in curves():
        steps = len(raw)
        losses = smoothed(raw)
        lrs = [START * (END / START) ** (k / steps) for k in range(len(losses))]
        found = suggestions(lrs, losses, steps)
        numbers = lambda values: [None if math.isnan(value) else value for value in values]
        entries.append(
            {"name": name, "steps": steps, "raw": numbers(raw), "losses": numbers(losses), "suggestions": found}
        )
    encode.write(
        folder / "lr-find.json",
        {"kind": "lrFind", "versions": encode.versions(), "startLr": START, "endLr": END, "curves": entries},
    )
