import type { StepSize } from "../workload.ts";

/** The few operations of a peer that the models of the bench need. A value may be used once; `twice` makes two of it. */
export interface PeerOps<T> {
  /** A parameter by its name in our model. */
  parameter(name: string): T;
  /** Cross-correlation without bias; padding on all sides. */
  conv(x: T, weight: T, stride: number, padding: number): T;
  /** Adds one number a channel. */
  bias(x: T, bias: T): T;
  /** Batch norm with the statistics of the batch. */
  norm(x: T, gamma: T, beta: T): T;
  relu(x: T): T;
  /** 2×2, stride 2. */
  maxPool(x: T): T;
  /** Mean over height and width: [N, C]. */
  mean(x: T): T;
  /** [N, C, H, W] to [N, C·H·W]. */
  flatten(x: T): T;
  /** x·weight + bias, the weight as [in, out]. */
  linear(x: T, weight: T, bias: T): T;
  add(a: T, b: T): T;
  twice(x: T): readonly [T, T];
}

function normalised<T>(
  ops: PeerOps<T>,
  x: T,
  path: string,
  conv: string,
  norm: string,
  stride: number,
  padding: number,
) {
  const y = ops.conv(x, ops.parameter(`${path}${conv}.weight`), stride, padding);
  return ops.norm(y, ops.parameter(`${path}${norm}.weight`), ops.parameter(`${path}${norm}.bias`));
}

function convBlock<T>(ops: PeerOps<T>, x: T, path: string, stride = 1, padding = 1): T {
  return ops.relu(normalised(ops, x, `${path}.`, "conv", "norm", stride, padding));
}

function basicBlock<T>(ops: PeerOps<T>, x: T, path: string, stride: number): T {
  const [one, other] = ops.twice(x);
  const inner = ops.relu(normalised(ops, one, `${path}.sum.body.`, "conv1", "norm1", stride, 1));
  const body = normalised(ops, inner, `${path}.sum.body.`, "conv2", "norm2", 1, 1);
  const shortcut =
    stride === 1 ? other : normalised(ops, other, `${path}.sum.shortcut.`, "conv", "norm", stride, 0);
  return ops.relu(ops.add(body, shortcut));
}

function head<T>(ops: PeerOps<T>, x: T): T {
  return ops.linear(x, ops.parameter("head.weight"), ops.parameter("head.bias"));
}

function book<T>(ops: PeerOps<T>, x: T): T {
  let y = x;
  for (const block of [1, 2, 3, 4]) y = convBlock(ops, y, `block${block}`, 2, block === 1 ? 2 : 1);
  const last = ops.conv(y, ops.parameter("head.weight"), 2, 1);
  return ops.flatten(ops.bias(last, ops.parameter("head.bias")));
}

/** Logits of a model of the bench. */
export function peerModel<T>(ops: PeerOps<T>, { model }: StepSize, x: T): T {
  switch (model) {
    case "mlp": {
      const hidden = ops.linear(ops.flatten(x), ops.parameter("hidden.weight"), ops.parameter("hidden.bias"));
      return head(ops, ops.relu(hidden));
    }
    case "cnn": {
      const first = ops.maxPool(convBlock(ops, x, "block1"));
      const second = ops.maxPool(convBlock(ops, first, "block2"));
      return head(ops, ops.mean(convBlock(ops, second, "block3")));
    }
    case "book":
      return book(ops, x);
    case "resnet8": {
      const stem = convBlock(ops, x, "stem");
      const first = basicBlock(ops, stem, "block1", 1);
      const second = basicBlock(ops, first, "block2", 2);
      return head(ops, ops.mean(basicBlock(ops, second, "block3", 2)));
    }
    default:
      throw new RangeError(`no peer computes ${model}`);
  }
}
