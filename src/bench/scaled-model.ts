import { convBlock } from "../models/blocks.ts";
import * as nn from "../nn/index.ts";
import type { Module } from "../nn/module.ts";
import { CLASSES } from "./workload.ts";

/** The cnn with `scale` times its channels, for the table of time against work. */
export function scaledCnn(channels: number, scale: number): Module {
  return nn.sequential({
    block1: convBlock(channels, 8 * scale),
    pool1: nn.maxPool2d(2),
    block2: convBlock(8 * scale, 16 * scale),
    pool2: nn.maxPool2d(2),
    block3: convBlock(16 * scale, 32 * scale),
    mean: nn.globalAvgPool2d(),
    head: nn.linear(32 * scale, CLASSES),
  });
}
