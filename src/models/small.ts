import type { Shape } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import * as nn from "../nn/index.ts";
import type { Module } from "../nn/module.ts";
import { concat } from "../ops/concat.ts";
import { basicBlock, convBlock, denseLayer } from "./blocks.ts";

/** What a model is made for. */
export interface ModelSize {
  /** Shape of one example: [C, H, W]. */
  readonly input: Shape;
  readonly classes: number;
}

/** Two linear layers, 256 units between them. */
export function mlp({ input, classes }: ModelSize): Module {
  const features = input.reduce((product, size) => product * size, 1);
  return nn.sequential({
    flatten: nn.flatten(),
    hidden: nn.linear(features, 256),
    relu: nn.relu(),
    head: nn.linear(256, classes),
  });
}

/** Convolutions of 8, 16 and 32 channels with batch norm and ReLU, max pooling between them, the global mean, a linear layer. */
export function cnn({ input, classes }: ModelSize): Module {
  return nn.sequential({
    block1: convBlock(input[0]!, 8),
    pool1: nn.maxPool2d(2),
    block2: convBlock(8, 16),
    pool2: nn.maxPool2d(2),
    block3: convBlock(16, 32),
    mean: nn.globalAvgPool2d(),
    head: nn.linear(32, classes),
  });
}

/** A stem of 16 channels and three residual blocks of 16, 32 and 64. Source  He et al. 2016 (arXiv:1512.03385), section 4.2 */
export function resnet8({ input, classes }: ModelSize): Module {
  return nn.sequential({
    stem: convBlock(input[0]!, 16),
    block1: basicBlock(16, 16),
    block2: basicBlock(16, 32, 2),
    block3: basicBlock(32, 64, 2),
    mean: nn.globalAvgPool2d(),
    head: nn.linear(64, classes),
  });
}

/**
 * Down and up again with skips at every resolution: long lifetimes for the memory plan.
 * Shapes  x [N, C, H, W], H and W multiples of 4; y [N, classes, H, W]
 * Source  Ronneberger et al. 2015 (arXiv:1505.04597), with nearest upsampling
 */
export function tinyUnet({ input, classes }: ModelSize): Module {
  const parts = {
    down1: convBlock(input[0]!, 8),
    pool1: nn.maxPool2d(2),
    down2: convBlock(8, 16),
    pool2: nn.maxPool2d(2),
    middle: convBlock(16, 32),
    grow2: nn.upsampleNearest(2),
    up2: convBlock(32 + 16, 16),
    grow1: nn.upsampleNearest(2),
    up1: convBlock(16 + 8, 8),
    head: nn.conv2d(8, classes, { kernel: 1 }),
  };
  return nn.module(parts, (net, x: Value) => {
    const fine = net.down1(x);
    const coarse = net.down2(net.pool1(fine));
    const middle = net.middle(net.pool2(coarse));
    const up2 = net.up2(concat([net.grow2(middle), coarse], { axis: 1 }));
    return net.head(net.up1(concat([net.grow1(up2), fine], { axis: 1 })));
  });
}

/** Two blocks of three dense layers with a halving between them: every layer reads all before it. */
export function tinyDenseNet({ input, classes }: ModelSize): Module {
  const growth = 8;
  return nn.sequential({
    stem: convBlock(input[0]!, 16),
    dense1: denseBlock(16, growth),
    transition: nn.conv2d(16 + 3 * growth, 20, { kernel: 1, bias: false }),
    pool: nn.avgPool2d(2),
    dense2: denseBlock(20, growth),
    last: nn.sequential({ norm: nn.batchNorm(20 + 3 * growth), relu: nn.relu() }),
    mean: nn.globalAvgPool2d(),
    head: nn.linear(20 + 3 * growth, classes),
  });
}

function denseBlock(channels: number, growth: number): Module {
  return nn.sequential(...[0, 1, 2].map((layer) => denseLayer(channels + layer * growth, growth)));
}
