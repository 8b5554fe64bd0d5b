"""Tables of learning rate and momentum: torch's schedulers as they run, fastai's by their formulas."""

import inspect
import math
import warnings

import torch
from torch.optim import lr_scheduler

from . import encode, fastai_schedules
from .train import one_cycle


def run(make_scheduler, steps, lr=0.1, momentum=0.9):
    """lr and momentum used by update k = 0..steps-1; the scheduler steps after each update."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=momentum)
    scheduler = make_scheduler(optimizer)
    table = {"lr": [], "momentum": []}
    for k in range(steps):
        group = optimizer.param_groups[0]
        table["lr"].append(float(group["lr"]))
        table["momentum"].append(float(group["momentum"]))
        optimizer.step()
        if k + 1 < steps:
            scheduler.step()
    return table


def torch_one_cycle(total, options):
    """torch's OneCycleLR; `error` where it refuses or divides by zero."""
    entry = {"kind": "oneCycle", "indexing": "torch", "totalSteps": total, **options}
    arguments = {
        "max_lr": options["lrMax"],
        "total_steps": total,
        "pct_start": options.get("pctStart", 0.3),
        "anneal_strategy": options.get("anneal", "cos"),
        "three_phase": options.get("threePhase", False),
        "div_factor": options.get("div", 25),
        "final_div_factor": options.get("divFinal", 1e4),
    }
    if "moms" in options:
        arguments["max_momentum"], arguments["base_momentum"] = options["moms"][:2]
    try:
        return entry | run(lambda optimizer: lr_scheduler.OneCycleLR(optimizer, **arguments), total)
    except (ValueError, ZeroDivisionError) as error:
        return entry | {"error": f"{type(error).__name__}: {error}"}


def fastai_one_cycle(total, options):
    """Position k/totalSteps, cosine up to pctStart and down after it."""
    defaults = inspect.signature(one_cycle).parameters
    names = {"pctStart": "pct_start", "moms": "moms", "div": "div", "divFinal": "div_final"}
    arguments = {name: options.get(key, defaults[name].default) for key, name in names.items()}
    entry = {"kind": "oneCycle", "indexing": "fastai", "totalSteps": total, **options}
    return entry | one_cycle(total, options["lrMax"], **arguments)


def one_cycles():
    torch_options = [
        {"lrMax": 0.06},
        {"lrMax": 0.06, "anneal": "linear"},
        {"lrMax": 0.06, "threePhase": True},
        {"lrMax": 0.06, "threePhase": True, "anneal": "linear"},
        {"lrMax": 1.0, "pctStart": 0.25, "moms": [0.95, 0.85, 0.95], "div": 10, "divFinal": 100},
    ]
    fastai_options = [
        {"lrMax": 0.06},
        {"lrMax": 0.06, "pctStart": 0.3, "moms": [0.9, 0.8, 0.7], "div": 5, "divFinal": 1e3},
        {"lrMax": 2e-3, "pctStart": 0.99},
    ]
    tables = [
        torch_one_cycle(total, options) for options in torch_options for total in (1, 2, 3, 4, 5, 10, 37, 310)
    ]
    return tables + [
        fastai_one_cycle(total, options) for options in fastai_options for total in (1, 2, 3, 7, 40, 310)
    ]


def other(kind, make_scheduler, options, steps=60):
    return {"kind": kind, "totalSteps": steps, **options} | run(make_scheduler, steps)


def others():
    """Schedules that torch runs recursively; base lr 0.1, momentum 0.9."""
    s = lr_scheduler
    return [
        other("cosine", lambda o: s.CosineAnnealingLR(o, 59, 1e-3), {"tMax": 59, "lrMin": 1e-3}),
        other("cosine", lambda o: s.CosineAnnealingLR(o, 20), {"tMax": 20, "lrMin": 0}),
        other(
            "cosineWarmRestarts",
            lambda o: s.CosineAnnealingWarmRestarts(o, 10, 2, 1e-3),
            {"t0": 10, "tMult": 2, "lrMin": 1e-3},
        ),
        other("step", lambda o: s.StepLR(o, 15, 0.3), {"stepSize": 15, "gamma": 0.3}),
        other("multiStep", lambda o: s.MultiStepLR(o, [7, 30], 0.2), {"milestones": [7, 30], "gamma": 0.2}),
        other("exponential", lambda o: s.ExponentialLR(o, 0.93), {"gamma": 0.93}),
        other("polynomial", lambda o: s.PolynomialLR(o, 50, 2.0), {"totalIters": 50, "power": 2}),
        other(
            "linear",
            lambda o: s.LinearLR(o, 0.1, 1.0, 12),
            {"startFactor": 0.1, "endFactor": 1, "totalIters": 12},
        ),
        *(
            other(
                "cyclic",
                cyclic(mode),
                {
                    "lrMin": 0.01,
                    "lrMax": 0.1,
                    "stepsUp": 8,
                    "stepsDown": 12,
                    "mode": mode,
                    "gamma": 0.97,
                    "momMin": 0.8,
                    "momMax": 0.9,
                },
            )
            for mode in ("triangular", "triangular2", "exp_range")
        ),
        other(
            "warmUpCosine",
            lambda o: s.SequentialLR(
                o, [s.LinearLR(o, 0.1, 1.0, 15), s.CosineAnnealingLR(o, 45, 1e-3)], milestones=[15]
            ),
            {"warmUp": 15, "startFactor": 0.1, "lrMin": 1e-3},
        ),
    ]


def cyclic(mode):
    return lambda optimizer: lr_scheduler.CyclicLR(
        optimizer,
        0.01,
        0.1,
        step_size_up=8,
        step_size_down=12,
        mode=mode,
        gamma=0.97,
        cycle_momentum=True,
        base_momentum=0.8,
        max_momentum=0.9,
    )


def make(folder, only=None):
    warnings.simplefilter("error")
    tables = one_cycles() + others() + fastai_schedules.tables()
    for table in tables:
        assert all(math.isfinite(value) for value in table.get("lr", []) + table.get("momentum", []) + table.get("values", []))
        if "error" in table:
            print(table)
    encode.write(
        folder / "schedules.json",
        {
            "kind": "schedules",
            "versions": encode.versions(),
            "baseLr": 0.1,
            "baseMomentum": 0.9,
            "tables": tables,
            "rates": fastai_schedules.rates(),
        },
    )
