import { at, need, Sum } from "./tensor.ts";
import type { Attrs, Reference, Tensor, Tensors } from "./types.ts";
import { dims4, type Padding, type Pair, pairOf, positions, sidesOf } from "./window.ts";

/**
 * Convolutions. Both are bilinear: the loops below name every product x·weight and the output element it belongs
 * to, once; forward and both gradients are sums over that same list.
 */

export interface ConvAttrs {
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly outputPadding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}

/** Called once for every product: offsets into y, x and weight. */
type VisitProduct = (y: number, x: number, weight: number) => void;

interface Convolution {
  outputShape(x: Tensor, weight: Tensor, attrs: ConvAttrs): number[];
  forEachProduct(x: Tensor, weight: Tensor, attrs: ConvAttrs, visit: VisitProduct): void;
}

const direct: Convolution = {
  outputShape(x, weight, attrs) {
    const [batch, , height, width] = dims4(x.shape);
    const [outChannels, , kernelH, kernelW] = dims4(weight.shape);
    const [strideH, strideW] = pairOf(attrs.stride, 1);
    const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
    const { top, left, bottom, right } = sidesOf(attrs.padding);
    const outHeight = positions(height, top, bottom, dilationH * (kernelH - 1) + 1, strideH);
    const outWidth = positions(width, left, right, dilationW * (kernelW - 1) + 1, strideW);
    return [batch, outChannels, outHeight, outWidth];
  },

  /** y[n,k,p,q] = Σ_c,r,s x[n, group(k)·C' + c, p·stride − top + r·dilation, ...] · weight[k,c,r,s]. */
  forEachProduct(x, weight, attrs, visit) {
    const [batch, channels, height, width] = dims4(x.shape);
    const [outChannels, groupChannels, kernelH, kernelW] = dims4(weight.shape);
    const [, , outHeight, outWidth] = dims4(direct.outputShape(x, weight, attrs));
    const [strideH, strideW] = pairOf(attrs.stride, 1);
    const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
    const { top, left } = sidesOf(attrs.padding);
    const outPerGroup = outChannels / (attrs.groups ?? 1);
    for (let n = 0; n < batch; n++) {
      for (let k = 0; k < outChannels; k++) {
        const firstChannel = Math.floor(k / outPerGroup) * groupChannels;
        for (let p = 0; p < outHeight; p++) {
          for (let q = 0; q < outWidth; q++) {
            const y = ((n * outChannels + k) * outHeight + p) * outWidth + q;
            for (let c = 0; c < groupChannels; c++) {
              for (let r = 0; r < kernelH; r++) {
                for (let s = 0; s < kernelW; s++) {
                  const h = p * strideH - top + r * dilationH;
                  const w = q * strideW - left + s * dilationW;
                  if (h >= 0 && h < height && w >= 0 && w < width) {
                    visit(
                      y,
                      ((n * channels + firstChannel + c) * height + h) * width + w,
                      ((k * groupChannels + c) * kernelH + r) * kernelW + s,
                    );
                  }
                }
              }
            }
          }
        }
      }
    }
  },
};

const transposed: Convolution = {
  outputShape(x, weight, attrs) {
    const [batch, , height, width] = dims4(x.shape);
    const [, groupOut, kernelH, kernelW] = dims4(weight.shape);
    const [strideH, strideW] = pairOf(attrs.stride, 1);
    const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
    const [extraH, extraW] = pairOf(attrs.outputPadding, 0);
    const { top, left, bottom, right } = sidesOf(attrs.padding);
    const outHeight = (height - 1) * strideH - top - bottom + dilationH * (kernelH - 1) + extraH + 1;
    const outWidth = (width - 1) * strideW - left - right + dilationW * (kernelW - 1) + extraW + 1;
    return [batch, groupOut * (attrs.groups ?? 1), outHeight, outWidth];
  },

  /** y[n, group(c)·K' + k, h·stride − top + r·dilation, ...] += x[n,c,h,w] · weight[c,k,r,s]. */
  forEachProduct(x, weight, attrs, visit) {
    const [batch, channels, height, width] = dims4(x.shape);
    const [, groupOut, kernelH, kernelW] = dims4(weight.shape);
    const [, outChannels, outHeight, outWidth] = dims4(transposed.outputShape(x, weight, attrs));
    const [strideH, strideW] = pairOf(attrs.stride, 1);
    const [dilationH, dilationW] = pairOf(attrs.dilation, 1);
    const { top, left } = sidesOf(attrs.padding);
    const channelsPerGroup = channels / (attrs.groups ?? 1);
    for (let n = 0; n < batch; n++) {
      for (let c = 0; c < channels; c++) {
        const firstOut = Math.floor(c / channelsPerGroup) * groupOut;
        for (let h = 0; h < height; h++) {
          for (let w = 0; w < width; w++) {
            const x = ((n * channels + c) * height + h) * width + w;
            for (let k = 0; k < groupOut; k++) {
              for (let r = 0; r < kernelH; r++) {
                for (let s = 0; s < kernelW; s++) {
                  const p = h * strideH - top + r * dilationH;
                  const q = w * strideW - left + s * dilationW;
                  if (p >= 0 && p < outHeight && q >= 0 && q < outWidth) {
                    visit(
                      ((n * outChannels + firstOut + k) * outHeight + p) * outWidth + q,
                      x,
                      ((c * groupOut + k) * kernelH + r) * kernelW + s,
                    );
                  }
                }
              }
            }
          }
        }
      }
    }
  },
};

/** Channel (axis 1) of an element of an NCHW tensor. */
function channelOf(shape: readonly number[], offset: number): number {
  const [, channels, height, width] = dims4(shape);
  return Math.floor(offset / (height * width)) % channels;
}

function convolutionReference(convolution: Convolution): Reference {
  return {
    forward(inputs: Tensors, attrs: Attrs): Tensors {
      const x = need(inputs, "x");
      const weight = need(inputs, "weight");
      const y = new Sum(convolution.outputShape(x, weight, attrs));
      if (inputs.bias !== undefined) {
        for (let offset = 0; offset < y.data.length; offset++) {
          y.add(offset, at(inputs.bias.data, channelOf(y.shape, offset)));
        }
      }
      convolution.forEachProduct(x, weight, attrs, (yOffset, xOffset, weightOffset) => {
        y.add(yOffset, at(x.data, xOffset) * at(weight.data, weightOffset));
      });
      return { y };
    },

    backward(inputs: Tensors, attrs: Attrs, upstream: Tensors): Tensors {
      const x = need(inputs, "x");
      const weight = need(inputs, "weight");
      const dy = need(upstream, "y");
      const dx = new Sum(x.shape);
      const dweight = new Sum(weight.shape);
      convolution.forEachProduct(x, weight, attrs, (yOffset, xOffset, weightOffset) => {
        dx.add(xOffset, at(dy.data, yOffset) * at(weight.data, weightOffset));
        dweight.add(weightOffset, at(dy.data, yOffset) * at(x.data, xOffset));
      });
      if (inputs.bias === undefined) {
        return { x: dx, weight: dweight };
      }
      const dbias = new Sum(inputs.bias.shape);
      for (let offset = 0; offset < dy.data.length; offset++) {
        dbias.add(channelOf(dy.shape, offset), at(dy.data, offset));
      }
      return { x: dx, weight: dweight, bias: dbias };
    },
  };
}

/** x [N,C,H,W], weight [K, C/groups, R, S], bias [K] → y [N,K,P,Q]. */
export const conv2dReference = convolutionReference(direct);

/** x [N,C,H,W], weight [C, K/groups, R, S], bias [K] → y [N,K,P,Q], P = (H−1)·stride − pads + dilation·(R−1) + extra + 1. */
export const convTranspose2dReference = convolutionReference(transposed);
