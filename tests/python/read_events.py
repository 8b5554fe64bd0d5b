"""Prints what TensorBoard's own reader finds in the event files of this folder, as JSON; null without TensorBoard."""

import json
import sys

try:
    from tensorboard.backend.event_processing import event_accumulator
except ImportError:
    sys.exit(print("null"))

KEEP_ALL = {name: 0 for name in ("scalars", "histograms", "tensors")}

reader = event_accumulator.EventAccumulator(".", size_guidance=KEEP_ALL)
reader.Reload()
tags = reader.Tags()


def histogram(event):
    value = event.histogram_value
    return {
        "step": event.step,
        "min": value.min,
        "max": value.max,
        "num": value.num,
        "sum": value.sum,
        "limits": list(value.bucket_limit),
        "counts": list(value.bucket),
    }


def text(event):
    return {"step": event.step, "text": event.tensor_proto.string_val[0].decode()}


print(
    json.dumps(
        {
            "scalars": {
                tag: [[event.step, event.value] for event in reader.Scalars(tag)] for tag in tags["scalars"]
            },
            "histograms": {
                tag: [histogram(event) for event in reader.Histograms(tag)] for tag in tags["histograms"]
            },
            "texts": {tag: [text(event) for event in reader.Tensors(tag)] for tag in tags["tensors"]},
        }
    )
)
