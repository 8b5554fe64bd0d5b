"""Checks model.onnx as strictly as onnx can, runs it in onnxruntime on inputs.json, prints the outputs as JSON."""

import json
import pathlib

import numpy
import onnx
import onnxruntime

model = onnx.load("model.onnx")
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
given = json.loads(pathlib.Path("inputs.json").read_text())
feeds = {name: numpy.array(one["data"], dtype=numpy.float32).reshape(one["shape"]) for name, one in given.items()}
names = [output.name for output in session.get_outputs()]
results = session.run(names, feeds)
print(json.dumps({name: {"shape": list(y.shape), "data": y.ravel().tolist()} for name, y in zip(names, results)}))
