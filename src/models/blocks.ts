import * as nn from "../nn/index.ts";
import type { Module } from "../nn/module.ts";

/** 3×3 convolution that keeps the size (or halves it with stride 2), batch norm, ReLU. */
export function convBlock(inChannels: number, outChannels: number, stride = 1): Module {
  return nn.sequential({
    conv: nn.conv2d(inChannels, outChannels, { kernel: 3, stride, padding: 1, bias: false }),
    norm: nn.batchNorm(outChannels),
    relu: nn.relu(),
  });
}

/**
 * Two 3×3 convolutions around which the input passes unchanged, or through a 1×1 convolution where size or channels
 * change; ReLU after the sum.
 * Source  He et al. 2016 (arXiv:1512.03385), figure 2 and option B
 */
export function basicBlock(inChannels: number, outChannels: number, stride = 1): Module {
  const body = nn.sequential({
    conv1: nn.conv2d(inChannels, outChannels, { kernel: 3, stride, padding: 1, bias: false }),
    norm1: nn.batchNorm(outChannels),
    relu: nn.relu(),
    conv2: nn.conv2d(outChannels, outChannels, { kernel: 3, padding: 1, bias: false }),
    norm2: nn.batchNorm(outChannels),
  });
  const changes = stride !== 1 || inChannels !== outChannels;
  const shortcut = nn.sequential({
    conv: nn.conv2d(inChannels, outChannels, { kernel: 1, stride, bias: false }),
    norm: nn.batchNorm(outChannels),
  });
  return nn.sequential({ sum: nn.residual({ body, ...(changes && { shortcut }) }), relu: nn.relu() });
}

/**
 * A dense layer: the input beside `growth` new channels made from it.
 * Shapes  x [N, C, H, W]; y [N, C + growth, H, W]
 * Source  Huang et al. 2017 (arXiv:1608.06993), section 3
 */
export function denseLayer(inChannels: number, growth: number): Module {
  const grown = nn.sequential({
    norm: nn.batchNorm(inChannels),
    relu: nn.relu(),
    conv: nn.conv2d(inChannels, growth, { kernel: 3, padding: 1, bias: false }),
  });
  return nn.parallel({ input: nn.identity(), grown });
}
