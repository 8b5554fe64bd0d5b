"""Goes on with a run of wgfit, on one process or many:

    python train.py --data DIR
    torchrun --nproc-per-node 2 train.py --data DIR --epochs 5 --batch 64

DIR holds IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., with .gz or without). The one-cycle goes
on from where it stood: what is left of it is spread over the steps that follow, whatever the number of processes. Every
epoch writes model.safetensors, optimizer.safetensors and run.json into --out, so that the run can be taken up again, here
or in wgfit. Batch norm uses each process's own statistics unless --sync-bn (GPUs only); buffers are those of process 0."""

import argparse
import gzip
import json
import math
import os
import pathlib
import re

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from model import Model

HERE = pathlib.Path(__file__).resolve().parent


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of IDX files")
    parser.add_argument("--epochs", type=int, help="passes over the data (default: as run.json says)")
    parser.add_argument("--batch", type=int, help="examples in a step of one process (default: as run.json says)")
    parser.add_argument("--lr-scale", type=float, default=1.0, help="factor of every learning rate, for larger batches")
    parser.add_argument("--sync-bn", action="store_true", help="batch norm over the batches of all processes")
    parser.add_argument("--logs", default="runs", help="folder of TensorBoard logs")
    parser.add_argument("--out", default="trained", help="folder of the weights that come out")
    return parser.parse_args()


def read_idx(folder, name):
    """An IDX file of bytes: two zeros, type 8, number of axes, their sizes, the elements."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            raw = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
            rank = raw[3]
            sizes = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
            return torch.frombuffer(bytearray(raw[4 + 4 * rank :]), dtype=torch.uint8).reshape(sizes)
    raise SystemExit(f"there is no {name} in {folder}, with .gz or without")


def split(folder, prefix, run):
    images = read_idx(folder, f"{prefix}-images-idx3-ubyte")
    labels = read_idx(folder, f"{prefix}-labels-idx1-ubyte").long()
    return TensorDataset(images.reshape(len(images), *image_of(run)["shape"]), labels)


def image_of(run):
    return next(iter(run["inputs"].values()))


def normalise(images, run):
    """Bytes to floats with the mean and deviation that the weights were trained with."""
    channels = images.shape[1]
    mean, std = ((image_of(run).get(key) or [fallback]) for key, fallback in (("mean", 0.0), ("std", 1.0)))
    shape = [1, channels] + [1] * (images.dim() - 2)
    mean, std = (torch.tensor(v if len(v) == channels else v[:1] * channels, device=images.device) for v in (mean, std))
    return (images.float() / 255 - mean.reshape(shape)) / std.reshape(shape)


def matches(name, pattern):
    """A pattern of a parameter group: a path, anything inside it, or `*` for any text."""
    if "*" not in pattern:
        return name == pattern or name.startswith(pattern + ".")
    return re.fullmatch(".*".join(re.escape(text) for text in pattern.split("*")), name) is not None


def make_optimizer(model, run):
    """The optimizer with its groups; the first that matches a parameter takes it."""
    spec = run["optimizer"]
    groups = [{"params": [], "lr_factor": g.get("lrFactor", 1.0), "weight_decay": g.get("weightDecay", spec["weightDecay"]),
               "match": [g["match"]] if isinstance(g["match"], str) else g["match"]} for g in spec["groups"]]
    groups.append({"params": [], "lr_factor": 1.0, "weight_decay": spec["weightDecay"], "match": ["*"]})
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in run["frozen"])
        if parameter.requires_grad:
            group = next(g for g in groups if any(matches(name, pattern) for pattern in g["match"]))
            group["params"].append(parameter)
    groups = [g for g in groups if g["params"]]
    if spec["kind"] == "sgd":
        # Each step sets its own momentum; Nesterov's form only asks for one above 0 here.
        momentum = spec["momentum"] or (0.9 if spec["nesterov"] else 0.0)
        return torch.optim.SGD(groups, lr=0.0, momentum=momentum, dampening=spec["dampening"], nesterov=spec["nesterov"])
    kind = torch.optim.AdamW if spec["kind"] == "adamw" else torch.optim.Adam
    return kind(groups, lr=0.0, betas=(spec["momentum"], spec["beta2"]), eps=spec["eps"])


def load_moments(optimizer, model, run):
    """Momentum and moments as they stood; a run that has taken no step has none."""
    if run["steps"] == 0:
        return
    saved = load_file(HERE / "optimizer.safetensors")
    for name, parameter in model.named_parameters():
        state = {ours: saved.get(f"{ours}.{name}") for ours in ("velocity", "firstMoment", "secondMoment")}
        state = {ours: value.to(parameter.device) for ours, value in state.items() if value is not None}
        if "velocity" in state:
            optimizer.state[parameter]["momentum_buffer"] = state["velocity"]
        if "firstMoment" in state:
            optimizer.state[parameter].update(
                step=torch.tensor(float(run["steps"])), exp_avg=state["firstMoment"], exp_avg_sq=state["secondMoment"]
            )


def moments_of(optimizer, model):
    names = {"momentum_buffer": "velocity", "exp_avg": "firstMoment", "exp_avg_sq": "secondMoment"}
    return {
        f"{ours}.{name}": optimizer.state[parameter][theirs].contiguous()
        for name, parameter in model.named_parameters()
        for theirs, ours in names.items()
        if optimizer.state.get(parameter, {}).get(theirs) is not None
    }


def cosine(start, end, share):
    return start + (1 + math.cos(math.pi * (1 - share))) * (end - start) / 2


def hypers(schedule, step):
    """lr and momentum of a step of the whole one-cycle; a step between two is fine."""
    if schedule["kind"] == "constant":
        return schedule["lr"], schedule["momentum"]
    total, lr_max, div = schedule["totalSteps"], schedule["lrMax"], schedule.get("div", 25)
    first, peak, last = schedule.get("momentum", (0.95, 0.85, 0.95))
    torch_form = schedule.get("indexing", "fastai") == "torch"
    up = schedule.get("pctStart", 0.3 if torch_form else 0.25)
    if not torch_form:
        share = min(step / total, 1.0)
        if share < up:
            return cosine(lr_max / div, lr_max, share / up), cosine(first, peak, share / up)
        share = (share - up) / (1 - up) if up < 1 else 1.0
        return cosine(lr_max, lr_max / schedule.get("divFinal", 1e5), share), cosine(peak, last, share)
    initial = lr_max / div
    final = initial / schedule.get("divFinal", 1e4)
    phases = [(up * total - 1, (initial, lr_max), (first, peak)), (total - 1, (lr_max, final), (peak, last))]
    if schedule.get("threePhase"):
        phases[1:] = [(2 * up * total - 2, (lr_max, initial), (peak, last)), (total - 1, (initial, final), (last, last))]
    between = cosine if schedule.get("anneal", "cos") == "cos" else lambda a, b, share: a + (b - a) * share
    start = 0.0
    for end, lrs, momenta in phases:
        if step <= end or end == phases[-1][0]:
            share = 1.0 if end == start else min((step - start) / (end - start), 1.0)
            return between(*lrs, share), between(*momenta, share)
        start = end


def set_hypers(optimizer, lr, momentum):
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum


def train_mode(model, run):
    """Training, but for the frozen layers whose batch norm stays as it is."""
    model.train()
    for path in run["evaluated"]:
        for module in model.get_submodule(path).modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eval()


@torch.no_grad()
def evaluate(model, loader, run, device):
    """Mean loss and accuracy over all processes' shares, with the running statistics of process 0."""
    model.eval()
    if dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    for images, labels in loader:
        outputs, labels = model(normalise(images.to(device), run)), labels.to(device)
        sums[0] += F.cross_entropy(outputs, labels, reduction="sum").double()
        sums[1] += (outputs.argmax(1) == labels).sum()
        sums[2] += len(labels)
    if dist.is_initialized():
        dist.all_reduce(sums)
    return (sums[0] / sums[2]).item(), (sums[1] / sums[2]).item()


def writer_of(folder, rank):
    if rank != 0:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print("without TensorBoard logs: pip install tensorboard", flush=True)
        return None
    return SummaryWriter(folder)


def save(folder, model, optimizer, run):
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(moments_of(optimizer, model), folder / "optimizer.safetensors")
    (folder / "run.json").write_text(json.dumps(run, indent=2) + "\n")


def main():
    given = options()
    run = json.loads((HERE / "run.json").read_text())
    distributed = "RANK" in os.environ
    if distributed:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    rank, world = (dist.get_rank(), dist.get_world_size()) if distributed else (0, 1)
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if torch.cuda.is_available() else torch.device("cpu")
    torch.manual_seed(run["seed"] + rank)

    model = Model()
    model.load_state_dict(load_file(HERE / "model.safetensors"))
    model.to(device)
    if given.sync_bn:
        if device.type != "cuda":
            raise SystemExit("--sync-bn needs GPUs; on CPUs every process has its own batch norm statistics")
        model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    optimizer = make_optimizer(model, run)
    load_moments(optimizer, model, run)
    wrapped = torch.nn.parallel.DistributedDataParallel(model) if distributed else model

    folder = pathlib.Path(given.data)
    train, valid = split(folder, "train", run), split(folder, "t10k", run)
    batch = given.batch or run["batchSize"]
    order = DistributedSampler(train, world, rank, shuffle=True, seed=run["seed"], drop_last=True)
    loader = DataLoader(train, batch, sampler=order, drop_last=True)
    # A strided share each: no example is counted twice, as a padded sampler would.
    share = torch.utils.data.Subset(valid, range(rank, len(valid), world))
    valid_loader = DataLoader(share, 256)
    epochs = given.epochs or run["epochs"]
    accumulate = run["accumulate"]
    updates = math.ceil(len(loader) / accumulate)
    if updates == 0:
        raise SystemExit(f"{len(train)} examples on {world} processes do not fill a batch of {batch}")

    schedule = run["schedule"]
    start = schedule.get("position", 0)
    left = max(schedule.get("totalSteps", 0) - start, 0)
    logs = writer_of(given.logs, rank)
    done = 0
    for epoch in range(epochs):
        order.set_epoch(epoch)
        train_mode(model, run)
        losses = []
        for index, (images, labels) in enumerate(loader):
            if index % accumulate == 0:
                lr, momentum = hypers(schedule, start + left * done / (epochs * updates))
                set_hypers(optimizer, lr * given.lr_scale, momentum)
                optimizer.zero_grad()
            outputs = wrapped(normalise(images.to(device), run))
            loss = F.cross_entropy(outputs, labels.to(device), label_smoothing=run["labelSmoothing"])
            (loss / accumulate).backward()
            losses.append(loss.item())
            if index % accumulate == accumulate - 1 or index == len(loader) - 1:
                clip = run["optimizer"]
                if clip.get("clipNorm") is not None:
                    torch.nn.utils.clip_grad_norm_(model.parameters(), clip["clipNorm"])
                if clip.get("clipValue") is not None:
                    torch.nn.utils.clip_grad_value_(model.parameters(), clip["clipValue"])
                optimizer.step()
                if logs:
                    step = run["steps"] + done
                    for tag, value in (("train/loss", losses[-1]), ("hp/lr", lr * given.lr_scale), ("hp/momentum", momentum)):
                        logs.add_scalar(tag, value, step)
                done += 1
        valid_loss, accuracy = evaluate(model, valid_loader, run, device)
        if rank == 0:
            mean = sum(losses) / len(losses)
            print(json.dumps({"epoch": epoch, "train/loss": mean, "valid/loss": valid_loss, "valid/accuracy": accuracy}), flush=True)
            if logs:
                logs.add_scalar("valid/loss", valid_loss, run["steps"] + done)
                logs.add_scalar("valid/accuracy", accuracy, run["steps"] + done)
            after = {**run, "steps": run["steps"] + done, "epochs": max(epochs - epoch - 1, 1)}
            if "position" in schedule:
                after["schedule"] = {**schedule, "position": start + left * done / (epochs * updates)}
            save(pathlib.Path(given.out), model, optimizer, after)
    if logs:
        logs.close()
    if distributed:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
