/** Mean and deviation of every channel, of values from 0 to 1. */
export interface Moments {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Usual normalisation of the handwritten digits: mean and deviation of the 60,000 training images. Source  PyTorch's MNIST example */
export const DIGIT_MOMENTS: Moments = { mean: [0.1307], std: [0.3081] };

/**
 * Moments of each channel over all images; a channel of one value has deviation 1.
 * Shapes  images [N, channels, H, W] as bytes, or floats from 0 to 1; `size` = channels·H·W (default: as one image)
 */
export function imageMoments(
  images: Uint8Array | Float32Array,
  channels: number,
  size = images.length,
): Moments {
  const unit = images instanceof Uint8Array ? 255 : 1;
  const perChannel = size / channels;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let start = 0, plane = 0; start < images.length; start += perChannel, plane++) {
    let sum = 0;
    let square = 0;
    for (let i = start; i < start + perChannel; i++) {
      const value = images[i]! / unit;
      sum += value;
      square += value * value;
    }
    sums[plane % channels]! += sum;
    squares[plane % channels]! += square;
  }
  const count = images.length / channels;
  const mean = [...sums].map((sum) => sum / count);
  const std = [...squares].map((square, c) => Math.sqrt(Math.max(0, square / count - mean[c]! ** 2)) || 1);
  return { mean, std };
}
