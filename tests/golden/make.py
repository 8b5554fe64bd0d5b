"""Makes the golden files beside this script from PyTorch.

Usage: python make.py [runs|steps|schedules|ops|models|summary|lr_find [name ...]]"""

import importlib
import pathlib
import sys

import torch

PARTS = ("runs", "steps", "schedules", "ops", "models", "summary", "lr_find")


def main(arguments):
    folder = pathlib.Path(__file__).resolve().parent
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    # One thread and deterministic kernels: the same machine makes the same bytes.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    parts = arguments[:1] or PARTS
    for part in parts:
        if part not in PARTS:
            raise SystemExit(f"unknown part {part}; one of {', '.join(PARTS)}")
        importlib.import_module(f"maker.{part}").make(folder, arguments[1:] or None)


if __name__ == "__main__":
    main(sys.argv[1:])
