import * as nn from "../nn/index.ts";
import type { Module } from "../nn/module.ts";

export interface BookNetOptions {
  /** Batch norm after every convolution but the last. Default true. */
  readonly batchNorm?: boolean;
  /** Input channels. Default 1. */
  readonly channels?: number;
  /** Default 10. */
  readonly classes?: number;
}

/**
 * The convolutional net of the book: five convolutions of stride 2 with 8, 16, 32, 64 and `classes` channels, the
 * first 5×5, the others 3×3, batch norm and ReLU between them; 28×28 shrinks to 14, 7, 4, 2 and 1.
 * Shapes  x [N, channels, 28, 28]; y [N, classes]
 * Source  the chapter "Convolutional Neural Networks" of the fastai book, with batch norm; a convolution followed by
 *         batch norm needs no bias
 */
export function bookNet({ batchNorm = true, channels = 1, classes = 10 }: BookNetOptions = {}): Module {
  const widths = [8, 16, 32, 64];
  const layers: Record<string, Module> = {};
  let previous = channels;
  widths.forEach((width, index) => {
    const kernel = index === 0 ? 5 : 3;
    const conv = nn.conv2d(previous, width, {
      kernel,
      stride: 2,
      padding: (kernel - 1) / 2,
      bias: !batchNorm,
    });
    const block: Record<string, Module> = {
      conv,
      ...(batchNorm && { norm: nn.batchNorm(width) }),
      relu: nn.relu(),
    };
    layers[`block${index + 1}`] = nn.sequential(block);
    previous = width;
  });
  layers.head = nn.conv2d(previous, classes, { kernel: 3, stride: 2, padding: 1 });
  layers.flatten = nn.flatten();
  return nn.sequential(layers);
}
