"""ReLU and max-pool nets, one step at a time: state before, loss, gradients and state after at a few steps.

A ReLU input near 0, or two values of a pooling window near each other, may decide differently when the last
digit differs. Batches are drawn until none of these lies within the margin, so nothing has to be excused."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from . import encode
from .nets import batch_norm, book, conv, linear, max_pool, plain, residual, sequential
from .runs import adam, largest_deviation, prepare, relative, sgd
from .train import freeze, images, one_cycle, optimizer_of, set_hypers, loss_of

SNAPSHOTS = (0, 1, 5, 20, 50)
STEPS = 60
MARGIN = 1e-5
RELU = plain("relu")
# torch's names of optimizer state, and ours.
STATE_NAMES = {"momentum_buffer": "momentum", "exp_avg": "first", "exp_avg_sq": "second"}


def pooled_net():
    return sequential(
        conv(1, 6, 3, padding=1, bias=False),
        batch_norm(6),
        RELU,
        max_pool(2, 2),
        conv(6, 10, 3, padding=1, bias=False),
        batch_norm(10),
        RELU,
        max_pool(3, 2, padding=1, ceil=True),
        plain("flatten"),
        linear(160, 10),
    )


def overlapping_net():
    """Max pooling before ReLU, overlapping and dilated, so that a window's best value may be negative."""
    return sequential(
        conv(3, 8, 3, padding=1),
        max_pool(3, 1, padding=1),
        RELU,
        conv(8, 9, 3, stride=2, padding=1),
        max_pool(2, 2, dilation=2),
        RELU,
        plain("flatten"),
        linear(36, 5),
    )


def residual_net():
    return sequential(
        ("stem", conv(3, 6, 3, padding=1, bias=False)),
        ("norm", batch_norm(6)),
        ("act", RELU),
        (
            "block1",
            residual(
                conv(6, 6, 3, padding=1, bias=False),
                batch_norm(6),
                RELU,
                conv(6, 6, 3, padding=1, bias=False),
                batch_norm(6),
            ),
        ),
        ("act1", RELU),
        (
            "block2",
            residual(
                conv(6, 12, 3, stride=2, padding=1, bias=False),
                batch_norm(12),
                RELU,
                conv(12, 12, 3, padding=1, bias=False),
                batch_norm(12),
                shortcut=(conv(6, 12, 1, stride=2, bias=False), batch_norm(12)),
            ),
        ),
        ("act2", RELU),
        ("pool", plain("globalAvgPool2d")),
        ("head", linear(12, 5)),
    )


def definitions():
    """name -> net, image shape, classes, batch, peak lr of one-cycle over STEPS steps, optimizer."""
    return {
        "book": dict(
            model=book((4, 8, 16, 32, 10), RELU),
            shape=(1, 28, 28),
            classes=10,
            batch=8,
            lr=0.06,
            optimizer=sgd(),
        ),
        "max-pool": dict(
            model=pooled_net(),
            shape=(1, 14, 14),
            classes=10,
            batch=8,
            lr=5e-3,
            optimizer=adam("adamw", beta2=0.999, weight_decay=0.05),
        ),
        "residual": dict(
            model=residual_net(),
            shape=(3, 12, 12),
            classes=5,
            batch=8,
            lr=0.04,
            optimizer=sgd(nesterov=True, weight_decay=0.01),
        ),
        "overlapping-pool": dict(
            model=overlapping_net(),
            shape=(3, 10, 10),
            classes=5,
            batch=7,
            lr=0.03,
            optimizer=sgd(weight_decay=1e-3),
        ),
    }


class Margins:
    """Smallest distance to a tie seen by the ReLUs and max pools of a net during one forward pass."""

    def __init__(self, net):
        self.smallest = float("inf")
        self.after_relu = False
        for module in net.modules():
            if isinstance(module, (nn.ReLU, nn.MaxPool2d, nn.BatchNorm2d, nn.Conv2d)):
                module.register_forward_hook(self.look)

    def look(self, module, inputs, _output):
        x = inputs[0].detach()
        if isinstance(module, nn.ReLU):
            self.smallest = min(self.smallest, float(x.abs().min()))
        elif isinstance(module, nn.MaxPool2d):
            self.smallest = min(self.smallest, self.pool_margin(module, x))
        self.after_relu = isinstance(module, nn.ReLU)

    def pool_margin(self, module, x):
        best, second = best_two(module, x)
        gap = best - second
        if self.after_relu:
            # A window of zeros: whichever zero wins, the ReLU before it lets no gradient through.
            gap = gap[best > 0]
        return float(gap.min())


def best_two(pool, x):
    """Largest and second largest value of every window; -inf where the window holds one value."""
    batch, channels, height, width = x.shape
    rows, columns = (size_out(pool, size) for size in (height, width))
    low = pool.padding
    # Enough on the far side for the windows that ceil mode adds.
    high = low + pool.stride + pool.dilation * pool.kernel_size
    padded = F.pad(x, (low, high, low, high), value=-float("inf"))
    reach = pool.dilation * (pool.kernel_size - 1)
    windows = padded.unfold(2, reach + 1, pool.stride).unfold(3, reach + 1, pool.stride)
    windows = windows[:, :, :rows, :columns, :: pool.dilation, :: pool.dilation]
    ordered = windows.reshape(batch, channels, rows, columns, -1).sort(-1, descending=True).values
    return ordered[..., 0], ordered[..., 1]


def size_out(pool, size):
    return F.max_pool2d(
        torch.zeros(1, 1, size, size),
        pool.kernel_size,
        pool.stride,
        pool.padding,
        pool.dilation,
        pool.ceil_mode,
    ).shape[-1]


def margin_of(net, inputs, targets, run):
    trial = copy.deepcopy(net)
    margins = Margins(trial)
    with torch.no_grad():
        loss_of(run["loss"], trial(inputs), targets)
    return margins.smallest


def draw(stream, net, run):
    """The first batch of the stream that keeps clear of ties, its margin, and how many were passed over."""
    for passed in range(200):
        inputs, targets = next(stream)
        margin = margin_of(net, inputs, targets, run)
        if margin > 2 * MARGIN:
            return inputs, targets, margin, passed
    raise RuntimeError("no batch without ties in 200")


def stream_of(run, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = images(generator, 2000, run["batch"], run["shape"], run["classes"], mistaken=0.1)
    return iter(list(zip(inputs, targets)))


def state_of(net, optimizer):
    """Per parameter its optimizer state under our names; `step` counts the updates so far."""
    found = {}
    for name, parameter in net.named_parameters():
        state = optimizer.state.get(parameter, {})
        for key, value in state.items():
            if key in STATE_NAMES and value is not None:
                found[f"{name}.{STATE_NAMES[key]}"] = value.detach().clone()
    return found


def all_of(net, optimizer):
    return {
        "tensors": {name: value.detach().clone() for name, value in net.state_dict().items()},
        "optimizer": state_of(net, optimizer),
    }


def one_step(net, optimizer, run, inputs, targets, lr, momentum):
    set_hypers(optimizer, lr, momentum)
    optimizer.zero_grad()
    loss = loss_of(run["loss"], net(inputs), targets)
    loss.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in net.named_parameters()}
    optimizer.step()
    return loss.item(), gradients


def doubled(net, optimizer, run):
    """The same net and optimizer in float64, with the same state."""
    exact = copy.deepcopy(net).double()
    freeze(exact, run.get("frozen"))
    other = optimizer_of(run["optimizer"], exact)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return exact, other


def snapshot(net, optimizer, run, batch, lr, momentum):
    """Takes the step, and takes it in float64 beside it to measure how far rounding alone reaches."""
    inputs, targets, margin, passed = batch
    before = all_of(net, optimizer)
    exact, other = doubled(net, optimizer, run)
    loss, gradients = one_step(net, optimizer, run, inputs, targets, lr, momentum)
    after = all_of(net, optimizer)
    loss64, gradients64 = one_step(exact, other, run, inputs.double(), targets, lr, momentum)
    after64 = all_of(exact, other)
    deviation = {
        "loss": relative([loss], [loss64]),
        "gradients": largest_deviation(gradients, gradients64),
        "tensors": largest_deviation(after["tensors"], after64["tensors"]),
        "optimizer": largest_deviation(after["optimizer"], after64["optimizer"]),
    }
    return (
        before,
        after,
        {
            "lr": lr,
            "momentum": momentum,
            "loss": encode.number(loss),
            "loss64": encode.number(loss64, 17),
            "ties": [],
            "margin": encode.number(margin, 3),
            "batchesPassedOver": passed,
            "conditioning": {key: encode.number(value, 2) for key, value in deviation.items()},
            "inputs": encode.bytes_tensor(inputs),
            "targets": encode.tensor(targets),
            "gradients": encode.tensors(gradients),
        },
    )


def encode_state(state):
    return {key: encode.tensors(value) for key, value in state.items()}


def make(folder, only=None):
    for seed, (name, definition) in enumerate(definitions().items(), start=101):
        if only is None or name in only:
            make_one(folder, name, definition, seed)


def make_one(folder, name, definition, seed):
    net, run = prepare(definition, seed)
    optimizer = optimizer_of(run["optimizer"], net)
    hypers = one_cycle(STEPS, run["lr"])
    stream = stream_of(run, seed)
    steps = []
    for k in range(SNAPSHOTS[-1] + 1):
        lr, momentum = hypers["lr"][k], hypers["momentum"][k]
        batch = draw(stream, net, run)
        if k not in SNAPSHOTS:
            one_step(net, optimizer, run, *batch[:2], lr, momentum)
            continue
        before, after, entry = snapshot(net, optimizer, run, batch, lr, momentum)
        print(f"{name} step {k}: loss {entry['loss']:.4f}, margin {entry['margin']}, {entry['conditioning']}")
        # Step 1 starts where step 0 ended: null says so.
        entry["before"] = None if k == 1 else encode_state(before)
        steps.append({"step": k, **entry, "after": encode_state(after)})
    content = {
        "kind": "steps",
        "name": name,
        "versions": encode.versions(),
        "seed": seed,
        "model": run["model"],
        "loss": run["loss"],
        "optimizer": run["optimizer"],
        "tieMargin": MARGIN,
        "steps": steps,
    }
    encode.write(folder / f"steps-{name}.json", content)
