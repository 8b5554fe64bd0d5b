"""Fifty-step runs of smooth nets: loss at every step, running statistics at the end."""

import copy

import torch

from . import encode
from .nets import (
    avg_pool,
    batch_norm,
    book,
    conv,
    gelu,
    group_norm,
    instance_norm,
    layer_norm,
    linear,
    plain,
    residual,
    sequential,
)
from .train import (
    constant,
    freeze,
    images,
    loss_of,
    one_cycle,
    optimizer_of,
    parameter_groups,
    quantise,
    seeded_net,
    step,
)

STEPS = 50
SILU = plain("silu")
TANH = plain("tanh")
CROSS_ENTROPY = {"kind": "crossEntropy"}


def sgd(dampening=0.0, nesterov=False, **groups):
    return {"kind": "sgd", "dampening": dampening, "nesterov": nesterov, "groups": groups}


def adam(kind="adam", beta2=0.99, eps=1e-8, **groups):
    return {"kind": kind, "beta2": beta2, "eps": eps, "groups": groups}


def classes(shape, count, batch, batches=4, mistaken=0.0):
    return lambda generator: images(generator, batches, batch, shape, count, mistaken=mistaken)


def small_book(activation, norm=True):
    return book((4, 6, 10, 12, 10), activation, norm)


def residual_net(activation):
    """A projecting and an identity shortcut, average pooling with padding left out of the divisor."""
    return sequential(
        ("stem", sequential(conv(3, 8, 3, padding=1, bias=False), batch_norm(8), activation)),
        (
            "block1",
            residual(
                conv(8, 8, 3, padding=1, bias=False),
                batch_norm(8),
                activation,
                conv(8, 8, 3, padding=1, bias=False),
                batch_norm(8),
            ),
        ),
        ("act1", activation),
        ("pool", avg_pool(3, 2, padding=1, include=False)),
        (
            "block2",
            residual(
                conv(8, 14, 3, stride=2, padding=1, bias=False),
                batch_norm(14),
                activation,
                conv(14, 14, 3, padding=1, bias=False),
                batch_norm(14),
                shortcut=(avg_pool(2, 2), conv(8, 14, 1, bias=False), batch_norm(14)),
            ),
        ),
        ("act2", activation),
        ("pool2", plain("globalAvgPool2d")),
        ("head", linear(14, 5)),
    )


def depthwise_net():
    def separable(inputs, outputs, stride):
        return sequential(
            ("depthwise", conv(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)),
            ("norm1", batch_norm(inputs)),
            ("act1", SILU),
            ("pointwise", conv(inputs, outputs, 1, bias=False)),
            ("norm2", batch_norm(outputs)),
            ("act2", SILU),
        )

    return sequential(
        ("stem", conv(3, 6, 3, stride=2, padding=1, bias=False)),
        ("norm", batch_norm(6)),
        ("act", SILU),
        ("block1", separable(6, 12, 1)),
        ("block2", separable(12, 20, 2)),
        ("grouped", conv(20, 16, 3, padding=2, dilation=2, groups=4)),
        ("act2", SILU),
        ("pool", plain("globalAvgPool2d")),
        ("head", linear(16, 7)),
    )


def norms_net():
    return sequential(
        conv(3, 12, 3, padding=1, bias=False),
        group_norm(3, 12),
        gelu("tanh"),
        avg_pool(2, 2),
        conv(12, 10, 3, padding=1),
        instance_norm(10),
        TANH,
        conv(10, 8, 3, stride=2, padding=1),
        layer_norm([8, 3, 3]),
        SILU,
        plain("flatten"),
        linear(72, 24),
        layer_norm([24]),
        gelu(),
        linear(24, 5),
    )


def perceptron(outputs):
    return sequential(linear(11, 24), TANH, linear(24, 18, bias=False), plain("sigmoid"), linear(18, outputs))


def ignoring(generator):
    """About a quarter of the targets carry the ignored index."""
    inputs, targets = images(generator, 4, 12, (1, 14, 14), 10)
    targets[torch.rand(targets.shape, generator=generator) < 0.25] = 3
    return inputs, targets


def vectors(kind):
    def make(generator):
        inputs = quantise(torch.randn(4, 16, 11, generator=generator).clamp(-1.98, 1.98))
        mixing = torch.randn(11, 3, generator=generator) * 0.5
        clean = torch.sin(inputs @ mixing)
        if kind == "yes-no":
            return inputs, (clean + 0.3 * torch.randn(clean.shape, generator=generator) > 0).float()
        return inputs, quantise(clean.clamp(-1.98, 1.98))

    return make


def definitions():
    """name -> what is trained, on what, how. `lr` peaks in one-cycle; it is constant beside `momentum`."""
    image = (1, 14, 14)
    book_data = classes((1, 28, 28), 10, 12, batches=8, mistaken=0.3)
    weights = [round(0.5 + 0.15 * i, 2) for i in range(10)]
    return {
        "book-batch-norm": dict(
            model=book((8, 16, 32, 64, 10), SILU), data=book_data, lr=0.012, optimizer=sgd()
        ),
        "book-plain": dict(
            model=book((8, 16, 32, 64, 10), TANH, norm=False), data=book_data, lr=0.06, optimizer=sgd()
        ),
        "residual": dict(
            model=residual_net(gelu()),
            data=classes((3, 12, 12), 5, 8),
            lr=0.02,
            optimizer=sgd(
                nesterov=True, weight_decay=0.01, no_decay=True, slow=("stem", "block1"), factor=0.25
            ),
        ),
        "depthwise": dict(
            model=depthwise_net(),
            data=classes((3, 12, 12), 7, 9),
            lr=2e-3,
            momentum=0.9,
            optimizer=adam(weight_decay=1e-3),
        ),
        "adamw-smoothing": dict(
            model=small_book(gelu("tanh")),
            data=classes(image, 10, 12),
            lr=2e-3,
            optimizer=adam("adamw", beta2=0.999, eps=1e-5, weight_decay=0.05, no_decay=True),
            loss={**CROSS_ENTROPY, "labelSmoothing": 0.1},
        ),
        "clip-norm": dict(
            model=small_book(gelu()),
            data=classes(image, 10, 12),
            lr=0.05,
            optimizer=sgd(),
            clip={"norm": 1.1},
        ),
        "clip-value": dict(
            model=small_book(TANH, norm=False),
            data=classes(image, 10, 12),
            lr=0.3,
            optimizer=sgd(),
            clip={"value": 0.02},
        ),
        "accumulate": dict(
            model=small_book(SILU),
            data=classes(image, 10, 8, batches=5),
            lr=0.03,
            optimizer=sgd(),
            accumulate=2,
        ),
        "sgd-dampening": dict(
            model=small_book(TANH),
            data=classes(image, 10, 12),
            lr=0.03,
            momentum=0.9,
            optimizer=sgd(dampening=0.3, weight_decay=0.02, slow=("0.", "1."), factor=0.5),
        ),
        "frozen": dict(
            model=small_book(SILU),
            data=classes(image, 10, 12),
            lr=0.03,
            optimizer=sgd(),
            frozen={"paths": ["0", "1", "3", "4"], "batchNorm": "eval"},
        ),
        "cumulative-average": dict(
            model=sequential(
                conv(1, 6, 3, stride=2, padding=1, bias=False),
                batch_norm(6, momentum=None),
                SILU,
                conv(6, 9, 3, stride=2, padding=1, bias=False),
                batch_norm(9, eps=1e-3, momentum=None, affine=False),
                SILU,
                conv(9, 9, 3, padding=1, bias=False),
                batch_norm(9, track=False),
                TANH,
                plain("flatten"),
                linear(144, 10),
            ),
            data=classes(image, 10, 12, mistaken=0.3),
            lr=0.02,
            optimizer=sgd(),
        ),
        "norms": dict(
            model=norms_net(),
            data=classes((3, 12, 12), 5, 8),
            lr=2e-3,
            momentum=0.9,
            optimizer=adam(beta2=0.999),
        ),
        "weighted-ignore": dict(
            model=small_book(SILU),
            data=ignoring,
            lr=0.03,
            optimizer=sgd(),
            loss={**CROSS_ENTROPY, "weight": weights, "ignoreIndex": 3},
        ),
        "mse": dict(
            model=perceptron(3),
            data=vectors("values"),
            lr=0.1,
            optimizer=sgd(nesterov=True),
            loss={"kind": "mse"},
        ),
        "huber": dict(
            model=perceptron(3),
            data=vectors("values"),
            lr=5e-3,
            optimizer=adam("adamw", weight_decay=0.01),
            loss={"kind": "huber", "delta": 0.5},
        ),
        "bce": dict(
            model=perceptron(3),
            data=vectors("yes-no"),
            lr=5e-3,
            momentum=0.9,
            optimizer=adam(),
            loss={"kind": "bceWithLogits", "posWeight": [1.0, 2.5, 0.5]},
        ),
    }


def prepare(definition, seed):
    """The net, and the run's description with parameter groups named."""
    definition = dict(definition)
    net = seeded_net(definition["model"], seed)
    frozen = definition.get("frozen")
    if frozen is not None:
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.2)
            elif name.endswith("running_var"):
                buffer.uniform_(0.3, 1.5)
    freeze(net, frozen)
    groups = definition["optimizer"]["groups"]
    definition["optimizer"] = {**definition["optimizer"], "groups": parameter_groups(net, **groups)}
    definition.setdefault("loss", CROSS_ENTROPY)
    return net, definition


def hypers_of(definition, steps):
    if "momentum" in definition:
        return constant(steps, definition["lr"], definition["momentum"])
    return one_cycle(steps, definition["lr"])


def train(net, definition, inputs, targets, hypers):
    """Losses and norms of the gradient before clipping, one of each a step."""
    optimizer = optimizer_of(definition["optimizer"], net)
    accumulate = definition.get("accumulate", 1)
    losses, norms = [], []
    for k in range(STEPS):
        picked = [(k * accumulate + j) % len(inputs) for j in range(accumulate)]
        micro = [(inputs[i], targets[i]) for i in picked]
        loss, norm = step(net, optimizer, definition, micro, hypers["lr"][k], hypers["momentum"][k])
        losses.append(loss)
        norms.append(norm)
    return losses, norms


def running_statistics(net):
    return {name: buffer for name, buffer in net.named_buffers()}


def relative(got, expected):
    return max(abs(g - e) / abs(e) for g, e in zip(got, expected))


def largest_deviation(got, expected):
    """Largest difference of any tensor, relative to that tensor's own largest value."""
    worst = 0.0
    for name, value in got.items():
        scale = float(expected[name].abs().max())
        difference = float((value.double() - expected[name]).abs().max())
        worst = max(worst, difference / scale if scale > 0 else difference)
    return worst


def make(folder, only=None):
    for seed, (name, definition) in enumerate(definitions().items(), start=1):
        if only is None or name in only:
            make_one(folder, name, definition, seed)


def make_one(folder, name, definition, seed):
    net, definition = prepare(definition, seed)
    inputs, targets = definition["data"](torch.Generator().manual_seed(seed))
    hypers = hypers_of(definition, STEPS)
    initial = {key: value.clone() for key, value in net.state_dict().items()}
    double = copy.deepcopy(net).double()
    losses, norms = train(net, definition, inputs, targets, hypers)
    exact, _ = train(double, definition, inputs.double(), targets, hypers)
    conditioning = {
        "loss": encode.number(relative(losses, exact), 2),
        "runningStatistics": encode.number(
            largest_deviation(running_statistics(net), running_statistics(double)), 2
        ),
    }
    print(
        f"{name:20} loss {losses[0]:.3f} to {losses[-1]:.3f}, f32 against f64: {conditioning}",
        f"clipped {sum(n > definition['clip']['norm'] for n in norms)}" if norms[0] is not None else "",
    )
    content = {
        "kind": "run",
        "name": name,
        "versions": encode.versions(),
        "seed": seed,
        "steps": STEPS,
        "model": definition["model"],
        "loss": definition["loss"],
        "optimizer": definition["optimizer"],
        "clip": definition.get("clip"),
        "accumulate": definition.get("accumulate", 1),
        "frozen": definition.get("frozen"),
        "lr": hypers["lr"],
        "momentum": hypers["momentum"],
        "losses": [encode.number(loss) for loss in losses],
        "losses64": [encode.number(loss, 17) for loss in exact],
        "conditioning": conditioning,
        "inputs": encode.bytes_tensor(inputs),
        "targets": encode.tensor(targets),
        "initial": encode.tensors(initial),
        "finalBuffers": encode.tensors(running_statistics(net)),
    }
    if norms[0] is not None:
        content["gradientNorms"] = [encode.number(norm) for norm in norms]
    encode.write(folder / f"run-{name}.json", content)
