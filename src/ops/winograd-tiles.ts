import { ceilDiv, type Shape } from "../core/shape.ts";

/** Products of matrices in F(4×4, 3×3): one for each of the 6×6 places of a transformed window. */
export const PLACES = 36;

/** Where the 4×4 tiles of a convolution's output lie, and the 6×6 windows of its input under them. */
export interface TileAttrs {
  /** Rows of zeros above the image; negative where rows are cropped. */
  readonly padTop: number;
  readonly padLeft: number;
  /** Tiles in a column, and in a row, of one image. */
  readonly tileRows: number;
  readonly tileColumns: number;
}

/** Tiles of an output [N, K, P, Q]. */
export function tilesOf(output: Shape, padTop: number, padLeft: number): TileAttrs {
  return { padTop, padLeft, tileRows: ceilDiv(output[2]!, 4), tileColumns: ceilDiv(output[3]!, 4) };
}

/** Tiles of `images` images. */
export function tileCount(images: number, { tileRows, tileColumns }: TileAttrs): number {
  return images * tileRows * tileColumns;
}
