"""Tables of fastai's schedules, by the formulas of its callback/schedule.py and optimizer.py, written anew here."""

import math


def lin(start, end):
    return lambda p: start + p * (end - start)


def cos(start, end):
    return lambda p: start + (1 + math.cos(math.pi * (1 - p))) * (end - start) / 2


def exp(start, end):
    return lambda p: start * (end / start) ** p


def poly(start, end, power):
    return lambda p: start + (end - start) * p**power


def combine(shares, schedules):
    """The part whose share holds p, at its own position: the last that has begun."""
    edges = [0.0]
    for share in shares:
        edges.append(edges[-1] + share)

    def at(p):
        index = min(max(i for i, edge in enumerate(edges) if p >= edge - 1e-12), len(schedules) - 1)
        return schedules[index]((p - edges[index]) / (edges[index + 1] - edges[index]))

    return at


def combined_cos(share, start, middle, end):
    return combine([share, 1 - share], [cos(start, middle), cos(middle, end)])


def sgdr(cycles, length, lr_max, mult):
    """Cosines to 0 over cycles of `length` epochs, each `mult` times as long as the last."""
    epochs = sum(length * mult**i for i in range(cycles))
    return combine([length * mult**i / epochs for i in range(cycles)], [cos(lr_max, 0)] * cycles)


def even_mults(start, stop, count):
    if count == 1:
        return [stop]
    return [start * (stop / start) ** (i / (count - 1)) for i in range(count)]


def slice_rates(start, stop, count):
    """What Optimizer.set_hyper makes of slice(start, stop), or of slice(stop)."""
    return even_mults(start, stop, count) if start is not None else [stop / 10] * (count - 1) + [stop]


def entries():
    parts = [["linear", 0.01, 0.1], ["constant", 0.1], ["cosine", 0.1, 0.001]]
    shares = [0.2, 0.5, 0.3]
    return [
        ({"shape": "linear", "start": 0.1, "end": 0.01}, lin(0.1, 0.01)),
        ({"shape": "cosine", "start": 0.01, "end": 0.3}, cos(0.01, 0.3)),
        ({"shape": "exponential", "start": 1e-5, "end": 10}, exp(1e-5, 10)),
        ({"shape": "polynomial", "start": 0.4, "end": 0.02, "power": 3}, poly(0.4, 0.02, 3)),
        ({"shape": "polynomial", "start": 0.01, "end": 0.2, "power": 0.5}, poly(0.01, 0.2, 0.5)),
        (
            {"shape": "flatCosine", "start": 2e-3, "end": 2e-8, "share": 0.75},
            combined_cos(0.75, 2e-3, 2e-3, 2e-8),
        ),
        (
            {"shape": "flatCosine", "start": 0.1, "end": 1e-3, "share": 0.4},
            combined_cos(0.4, 0.1, 0.1, 1e-3),
        ),
        (
            {"shape": "combinedCosine", "share": 0.3, "start": 0.4, "middle": 1.0, "end": 1e-3},
            combined_cos(0.3, 0.4, 1.0, 1e-3),
        ),
        (
            {"shape": "combine", "shares": shares, "parts": parts},
            combine(shares, [lin(0.01, 0.1), lambda p: 0.1, cos(0.1, 0.001)]),
        ),
        ({"shape": "sgdr", "cycles": 3, "length": 1, "lrMax": 0.1, "mult": 2}, sgdr(3, 1, 0.1, 2)),
        ({"shape": "sgdr", "cycles": 2, "length": 3, "lrMax": 0.02, "mult": 3}, sgdr(2, 3, 0.02, 3)),
    ]


def tables():
    """Both indexings: position k/N as fastai steps, and k/(N - 1), which hits both ends."""
    found = []
    for options, schedule in entries():
        for total in (1, 2, 7, 60):
            for indexing, last in (("fastai", total), ("torch", max(1, total - 1))):
                values = [schedule(k / last) for k in range(total)]
                found.append(
                    {"kind": "fastai", "indexing": indexing, "totalSteps": total, **options, "values": values}
                )
    return found


def rates():
    cases = [(1e-5, 1e-3), (1e-4, 0.01), (None, 2e-3)]
    return [
        {"from": start, "to": stop, "groups": count, "rates": slice_rates(start, stop, count)}
        for start, stop in cases
        for count in (1, 2, 3, 5)
    ]
