/** Steps of the colour map. */
export const COLORS = 256;

/**
 * A perceptual map from violet to yellow: lightness rises evenly in OKLCH, so that it reads in grey and with any colour
 * vision. RGBA words, little-endian, for a canvas.
 * Source  B. Ottosson, "A perceptual color space for image processing", 2020 (OKLab to linear sRGB)
 */
export const colorMap: Uint32Array = Uint32Array.from({ length: COLORS }, (_, i) =>
  word(colorAt(i / (COLORS - 1))),
);

/** Red, green and blue from 0 to 255. */
export function colorAt(share: number): [number, number, number] {
  const lightness = 0.2 + 0.72 * share;
  const chroma = 0.1 + 0.06 * Math.sin(Math.PI * share) + 0.02 * share;
  const hue = 300 - 195 * share;
  return oklch(lightness, chroma, hue);
}

/** OKLCH as sRGB; what lies outside it is clipped. */
export function oklch(lightness: number, chroma: number, degrees: number): [number, number, number] {
  const a = chroma * Math.cos((degrees * Math.PI) / 180);
  const b = chroma * Math.sin((degrees * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    companded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    companded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    companded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function companded(linear: number): number {
  const kept = Math.min(1, Math.max(0, linear));
  return Math.round(255 * (kept <= 0.0031308 ? 12.92 * kept : 1.055 * kept ** (1 / 2.4) - 0.055));
}

function word([red, green, blue]: readonly number[]): number {
  return ((255 << 24) | (blue! << 16) | (green! << 8) | red!) >>> 0;
}

/** Colour of a count among `total`: log1p of both, as fastai's color_dim. */
export function countColor(count: number, total: number): number {
  const share = total > 0 ? Math.log1p(count) / Math.log1p(total) : 0;
  return colorMap[Math.round((COLORS - 1) * Math.min(1, share))]!;
}
