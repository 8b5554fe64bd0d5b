import { at, need, Sum } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";
import { dims4, type Pair, pairOf } from "./window.ts";

/** Offset in x of the element that each element of y repeats: y[n,c,p,q] = x[n,c,⌊p/scaleH⌋,⌊q/scaleW⌋]. */
function sourcesOf(x: Tensor, scale: Pair): { shape: number[]; sources: number[] } {
  const [batch, channels, height, width] = dims4(x.shape);
  const [scaleH, scaleW] = pairOf(scale, 1);
  const sources: number[] = [];
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let p = 0; p < height * scaleH; p++) {
      for (let q = 0; q < width * scaleW; q++) {
        sources.push((plane * height + Math.floor(p / scaleH)) * width + Math.floor(q / scaleW));
      }
    }
  }
  return { shape: [batch, channels, height * scaleH, width * scaleW], sources };
}

/** Nearest-neighbour upsampling by whole factors. */
export const upsampleNearestReference: Reference = {
  forward(inputs: Tensors, attrs: Attrs): Tensors {
    const x = need(inputs, "x");
    const { shape, sources } = sourcesOf(x, attrs.scale);
    const y = new Sum(shape);
    sources.forEach((source, offset) => {
      y.add(offset, at(x.data, source));
    });
    return { y };
  },

  backward(inputs: Tensors, attrs: Attrs, upstream: Tensors): Tensors {
    const x = need(inputs, "x");
    const dy = need(upstream, "y");
    const dx = new Sum(x.shape);
    sourcesOf(x, attrs.scale).sources.forEach((source, offset) => {
      dx.add(source, at(dy.data, offset));
    });
    return { x: dx };
  },
};
