"""ONNX files of small nets, by both exporters of PyTorch and by hand, and what onnxruntime answers."""

import io
import warnings

import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from . import encode
from . import onnx_nets as nets
from .train import quantise

IMAGE = (3, 16, 16)
BATCH = 2

# Net, opset, and how: "script" folds batch norm, "kept" leaves it, "fixed" writes the batch size down, "dynamo" is the
# exporter by torch.export.
EXPORTS = {
    "resnet-basic": (lambda: nets.ResNet(nets.Basic), 17, "kept"),
    "resnet-bottleneck": (lambda: nets.ResNet(nets.Bottleneck), 13, "script"),
    "resnet-fixed-batch": (lambda: nets.ResNet(nets.Basic), 12, "fixed"),
    "resnet-dynamo": (lambda: nets.ResNet(nets.Basic), 18, "dynamo"),
    "mobilenet-v2": (lambda: nets.mobile(torch.nn.ReLU6, False), 10, "kept"),
    "mobilenet-v3": (lambda: nets.mobile(torch.nn.Hardswish, True), 14, "kept"),
    "efficientnet": (lambda: nets.mobile(torch.nn.SiLU, True), 15, "script"),
    "vgg": (nets.vgg, 7, "script"),
    "densenet": (nets.densenet, 9, "kept"),
    "unet-nearest": (lambda: nets.UNet("nearest"), 9, "kept"),
    "unet-resize": (lambda: nets.UNet("nearest"), 11, "script"),
    "unet-bilinear": (lambda: nets.UNet("bilinear"), 16, "kept"),
    "unet-transposed": (lambda: nets.UNet("transposed"), 8, "kept"),
    "squeezenet": (nets.squeezenet, 10, "script"),
    "inception": (nets.inception, 11, "kept"),
    "shufflenet": (nets.shufflenet, 12, "script"),
    "convnext": (nets.convnext, 17, "script"),
    "mixer": (nets.Mixer, 16, "script"),
    "mixer-dynamo": (nets.Mixer, 20, "dynamo"),
    "vit": (nets.ViT, 14, "script"),
    "vit-dynamo": (nets.ViT, 18, "dynamo"),
    "group-norm": (nets.group_net, 18, "dynamo"),
    "group-norm-script": (nets.group_net, 13, "script"),
    "style": (nets.style_net, 11, "script"),
    "alexnet": (nets.alexnet, 9, "script"),
    "autoencoder": (nets.autoencoder, 11, "script"),
    "lenet": (nets.lenet, 7, "script"),
    "activations": (nets.Activations, 13, "script"),
    "activations-dynamo": (nets.Activations, 21, "dynamo"),
    "cuts": (nets.Cuts, 11, "script"),
    "smooth": (nets.smooth, 17, "kept"),
}

# Nets that are trained for some steps, and how many.
STEPS = {"resnet-basic": 1, "densenet": 1, "inception": 1, "smooth": 10}
TRAIN_BATCH = 8


def make(folder, only=None):
    warnings.simplefilter("ignore")
    target = folder / "models"
    target.mkdir(exist_ok=True)
    entries = []
    runs = []
    for index, (name, (build, opset, how)) in enumerate(EXPORTS.items()):
        net, one = exported(target, name, build, opset, how, 900 + index)
        entries.append(one)
        if name in STEPS:
            runs.append(trained(name, net, STEPS[name]))
    for index, (name, model) in enumerate(by_hand()):
        entries.append(written(target, name, model, 950 + index))
    versions = {**encode.versions(), "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    encode.write(target / "onnx.json", {"kind": "onnx", "versions": versions, "nets": entries})
    encode.write(target / "onnx-steps.json", {"kind": "onnxSteps", "versions": versions, "runs": runs})


def trained(name, net, steps):
    """SGD with momentum from the state that was exported; a new batch at every step."""
    generator = torch.Generator().manual_seed(77)
    inputs = quantise(torch.randn(steps, TRAIN_BATCH, *IMAGE, generator=generator) * 0.8)
    targets = torch.randint(10, (steps, TRAIN_BATCH), generator=generator)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    net.train()
    losses = []
    for x, y in zip(inputs, targets):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(encode.number(loss.item()))
    after = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    return {
        "name": name, "lr": 0.05, "momentum": 0.9, "weightDecay": 1e-3, "losses": losses,
        "inputs": encode.bytes_tensor(inputs), "targets": encode.tensor(targets), "after": encode.tensors(after),
    }


def exported(target, name, build, opset, how, seed):
    torch.manual_seed(seed)
    net = build()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.uniform_(0.6, 1.4)
                module.bias.uniform_(-0.3, 0.3)
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 1.5)
    net.eval()
    x = quantise(torch.randn(BATCH, *IMAGE) * 0.8)
    buffer = io.BytesIO()
    if how == "dynamo":
        program = torch.onnx.export(
            net, (x,), dynamo=True, opset_version=opset, input_names=["x"], output_names=["y"],
            dynamic_shapes=({0: torch.export.Dim("N", min=1, max=512)},), external_data=False, verbose=False,
        )
        program.save(buffer)
    else:
        torch.onnx.export(
            net, (x,), buffer, dynamo=False, opset_version=opset, input_names=["x"], output_names=["y"],
            training=torch.onnx.TrainingMode.PRESERVE if how == "kept" else torch.onnx.TrainingMode.EVAL,
            dynamic_axes=None if how == "fixed" else {"x": {0: "N"}, "y": {0: "N"}},
        )
    return net, written(target, name, onnx.load_from_string(buffer.getvalue()), seed, x, net)


def stripped(model):
    """Without what no reader needs: documentation, stack traces, value_info."""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    del model.functions[:]
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        if hasattr(value, "metadata_props"):
            del value.metadata_props[:]
    return model


def written(target, name, model, seed, x=None, net=None):
    model = stripped(model)
    onnx.checker.check_model(model, full_check=True)
    path = target / f"onnx-{name}.onnx"
    path.write_bytes(model.SerializeToString())
    if x is None:
        torch.manual_seed(seed)
        x = quantise(torch.randn(BATCH, *IMAGE) * 0.8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x.numpy()})
    if net is not None:
        with torch.no_grad():
            error = numpy.abs(net(x).numpy() - y).max()
        assert error < 1e-4, (name, error)
    opset = next(one.version for one in model.opset_import if one.domain == "")
    print(f"{name:24} opset {opset:2} {path.stat().st_size / 1024:7.1f} KiB {len(model.graph.node):4} nodes")
    return {"name": name, "opset": opset, "inputs": encode.bytes_tensor(x), "logits": encode.tensor(torch.tensor(y))}


def weights(generator, **shapes):
    return [numpy_helper.from_array(generator.standard_normal(shape).astype("float32") * 0.4, name) for name, shape in shapes.items()]


def constants(**values):
    return [numpy_helper.from_array(numpy.array(value), name) for name, value in values.items()]


def graph_of(nodes, initializers, opset, ir):
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "by hand", [value("x", ["N", *IMAGE])], [value("y", ["N", 5])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    return onnx.shape_inference.infer_shapes(model)


def by_hand():
    """Forms that PyTorch does not write: attributes of opset 7 and inputs of opset 21, auto_pad, other defaults."""
    node = helper.make_node
    generator = numpy.random.default_rng(7)
    old = [
        node("Conv", ["x", "w"], ["a"], auto_pad="SAME_UPPER", strides=[2, 2], kernel_shape=[4, 3]),
        node("BatchNormalization", ["a", "s", "b", "m", "v"], ["b0"], epsilon=1e-3),
        node("Clip", ["b0"], ["c"], min=-0.5, max=2.0),
        node("Pad", ["c"], ["d"], pads=[0, 0, 1, 0, 0, 0, 0, 2], value=0.5, mode="constant"),
        node("Slice", ["d"], ["e"], starts=[0, 1], ends=[8, -1], axes=[2, 3]),
        node("Upsample", ["e"], ["f"], scales=[1.0, 1.0, 2.0, 1.0], mode="nearest"),
        node("AveragePool", ["f"], ["g"], kernel_shape=[3, 3], auto_pad="SAME_LOWER", strides=[2, 2]),
        node("Split", ["g"], ["h1", "h2"], axis=1, split=[2, 4]),
        node("ReduceSum", ["h2"], ["i"], axes=[1], keepdims=0),
        node("Unsqueeze", ["i"], ["j"], axes=[1]),
        node("Concat", ["h1", "j"], ["k"], axis=1),
        node("Dropout", ["k"], ["l"], ratio=0.3),
        node("Softmax", ["l"], ["m0"]),
        node("Flatten", ["m0"], ["n"]),
        node("Gemm", ["n", "gw", "gb"], ["o"], alpha=0.5, beta=2.0, transB=0),
        node("PRelu", ["o", "slope"], ["p"]),
        node("HardSigmoid", ["p"], ["q"], alpha=0.3, beta=0.4),
        node("Sum", ["q", "o", "p"], ["y"]),
    ]
    shapes = {"w": (6, 3, 4, 3), "s": (6,), "b": (6,), "m": (6,), "gb": (1, 5), "slope": (1,)}
    initial = weights(generator, **shapes, gw=(96, 5)) + constants(v=numpy.linspace(0.5, 1.5, 6, dtype="float32"))
    yield "by-hand-7", graph_of(old, initial, 7, 4)
    new = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        node("GroupNormalization", ["a", "s", "b"], ["b0"], num_groups=2, epsilon=1e-4),
        node("Gelu", ["b0"], ["c"], approximate="tanh"),
        node("Pad", ["c", "pads", "half", "axes"], ["d"]),
        node("Slice", ["d", "starts", "ends", "axes", "steps"], ["e"]),
        node("Resize", ["e", "", "", "sizes"], ["f"], axes=[2, 3], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        node("Split", ["f"], ["g1", "g2"], axis=1, num_outputs=2),
        node("Mish", ["g1"], ["h1"]),
        node("Gelu", ["g2"], ["h2"]),
        node("Concat", ["h1", "h2"], ["h"], axis=1),
        node("LayerNormalization", ["h", "ls", "lb"], ["i"], axis=-1),
        node("ReduceMean", ["i", "axes"], ["j"], keepdims=0),
        node("ReduceMax", ["i", "last"], ["k"], keepdims=0),
        node("ReduceL2", ["k", "last"], ["l"], keepdims=0),
        node("Add", ["j", "l"], ["o"]),
        node("Gemm", ["o", "gw"], ["p"], transB=1),
        node("Clip", ["p", "", "half"], ["q"]),
        node("ConstantOfShape", ["one"], ["r"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.25])),
        node("Mul", ["q", "r"], ["y"]),
    ]
    initial = weights(generator, w=(6, 3, 3, 3), s=(6,), b=(6,), ls=(10,), lb=(10,), gw=(5, 6)) + constants(
        pads=[1, 0, 0, 3], half=numpy.float32(0.5), axes=[2, 3], starts=[1, 0], ends=[2**62, -1], steps=[2, 2],
        sizes=[16, 10], last=[-1], one=[1],
    )
    yield "by-hand-21", graph_of(new, initial, 21, 10)
