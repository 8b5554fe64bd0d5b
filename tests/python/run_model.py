"""Loads model.safetensors into model.py's Model, runs it in evaluation mode on inputs.json, prints the outputs as JSON."""

import json
import pathlib

import torch
from safetensors.torch import load_file

import sys

sys.path.insert(0, ".")
from model import Model  # noqa: E402

model = Model()
model.load_state_dict(load_file("model.safetensors"))
model.eval()
given = json.loads(pathlib.Path("inputs.json").read_text())
inputs = torch.tensor(given["data"]).reshape(given["shape"])
with torch.no_grad():
    outputs = model(inputs)
print(json.dumps({"shape": list(outputs.shape), "data": outputs.flatten().tolist()}))
