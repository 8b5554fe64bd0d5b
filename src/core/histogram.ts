/** Bins of a histogram of magnitudes. */
export interface HistogramScale {
  readonly bins: number;
  /** Smallest and largest |x| with a bin; smaller and larger ones are counted apart. */
  readonly range: readonly [number, number];
  /** Bins of equal width, or of equal ratio. */
  readonly scale: "linear" | "log";
}

/** 40 bins of equal width over [0, 10], as fastai's ActivationStats. */
export const FASTAI_BINS: HistogramScale = { bins: 40, range: [0, 10], scale: "linear" };

/** Place of the first bin's lower edge on the axis: its magnitude, or the binary logarithm of it, as f32. */
export function histogramOrigin({ range: [low], scale }: HistogramScale): number {
  return Math.fround(scale === "log" ? Math.log2(low) : low);
}

/** Bins for each unit of magnitude, or for each octave, as f32. */
export function binsPerUnit({ bins, range: [low, high], scale }: HistogramScale): number {
  return Math.fround(bins / (scale === "log" ? Math.log2(high / low) : high - low));
}

/** Edges of all bins: one more than there are bins. */
export function binEdges({ bins, range: [low, high], scale }: HistogramScale): Float64Array {
  return Float64Array.from({ length: bins + 1 }, (_, k) =>
    scale === "log" ? low * (high / low) ** (k / bins) : low + ((high - low) * k) / bins,
  );
}
