import { countColor } from "./color-map.ts";

/** Columns of the picture at most: beyond, neighbours are pooled, two, four, eight ... to a column. */
export const MAX_COLUMNS = 512;

/** Histograms over time as a picture, one pixel a cell; only new columns are painted. */
export class Heatmap {
  readonly bins: number;
  readonly #total: number;
  #picture: HTMLCanvasElement;
  #pen: CanvasRenderingContext2D;
  /** Histograms that share a column. */
  #pooled = 1;
  #painted = 0;

  /** `total`: elements of one histogram, the count that has the brightest colour. */
  constructor(bins: number, total: number) {
    this.bins = bins;
    this.#total = total;
    [this.#picture, this.#pen] = newPicture(64, bins);
  }

  get picture(): HTMLCanvasElement {
    return this.#picture;
  }

  /** Columns of the picture that are in use. */
  get columns(): number {
    return Math.ceil(this.#painted / this.#pooled);
  }

  /** Histograms to a column. */
  get pooled(): number {
    return this.#pooled;
  }

  /** Paints the histograms that are new in `counts`, a row of `bins` for each. */
  paint(counts: Uint32Array): void {
    const histograms = counts.length / this.bins;
    if (histograms <= this.#painted) return;
    while (histograms / this.#pooled > MAX_COLUMNS) {
      this.#pooled *= 2;
      this.#painted = 0;
    }
    const columns = Math.ceil(histograms / this.#pooled);
    if (columns > this.#picture.width) this.#grow(columns);
    const first = Math.floor(this.#painted / this.#pooled);
    const image = this.#pen.createImageData(columns - first, this.bins);
    const words = new Uint32Array(image.data.buffer);
    for (let column = first; column < columns; column++) {
      for (let bin = 0; bin < this.bins; bin++) {
        const row = this.bins - 1 - bin;
        words[row * (columns - first) + column - first] = countColor(
          this.count(counts, column, bin),
          this.#total,
        );
      }
    }
    this.#pen.putImageData(image, first, 0);
    this.#painted = histograms;
  }

  /** Count of a cell: the largest of the histograms that share the column. */
  count(counts: Uint32Array, column: number, bin: number): number {
    const end = Math.min(counts.length / this.bins, (column + 1) * this.#pooled);
    let most = 0;
    for (let i = column * this.#pooled; i < end; i++) most = Math.max(most, counts[i * this.bins + bin]!);
    return most;
  }

  #grow(columns: number): void {
    const [picture, pen] = newPicture(
      Math.min(MAX_COLUMNS, Math.max(columns, 2 * this.#picture.width)),
      this.bins,
    );
    pen.drawImage(this.#picture, 0, 0);
    [this.#picture, this.#pen] = [picture, pen];
  }
}

function newPicture(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const picture = Object.assign(document.createElement("canvas"), { width, height });
  return [picture, picture.getContext("2d")!];
}
