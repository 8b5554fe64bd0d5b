/** One curve of a chart: y by index, and where it starts on the x axis. */
export interface Curve {
  readonly values: ArrayLike<number>;
  /** Name of a CSS custom property, registered as a colour. */
  readonly color: `--${string}`;
  readonly width: number;
  /** A dot at every value. Default false. */
  readonly dots?: boolean;
}

export interface ChartData {
  readonly curves: readonly Curve[];
  /** Index at the right edge. */
  readonly last: number;
  /** Values at the bottom and the top; logarithmic where `log` is set, and above 0 then. */
  readonly range: readonly [number, number];
  readonly log?: boolean;
  /** Where lines are drawn, and what is written at them. */
  readonly yMarks: readonly Mark[];
  readonly xMarks: readonly Mark[];
}

export interface Mark {
  readonly at: number;
  readonly text: string;
}

const MARGIN = { left: 46, right: 14, top: 8, bottom: 24 };

/** A line chart on a canvas; draws at most once a frame, and again when its size or the colour scheme changes. */
export class LineChart {
  readonly #canvas: HTMLCanvasElement;
  #data: ChartData | undefined;
  #isScheduled = false;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#schedule()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#schedule());
  }

  set data(data: ChartData) {
    this.#data = data;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#draw();
    });
  }

  #draw(): void {
    const canvas = this.#canvas;
    const pen = canvas.getContext("2d");
    const data = this.#data;
    if (!pen || !data) return;
    const scale = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    pen.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const frame = new Frame(data, width, height);
    drawGrid(pen, frame, style);
    for (const curve of data.curves) drawCurve(pen, frame, curve, style.getPropertyValue(curve.color));
  }
}

/** Maps data to pixels. */
class Frame {
  readonly data: ChartData;
  readonly width: number;
  readonly height: number;

  constructor(data: ChartData, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }

  get plotWidth(): number {
    return Math.max(1, this.width - MARGIN.left - MARGIN.right);
  }

  x(index: number): number {
    return MARGIN.left + (index / Math.max(1, this.data.last)) * this.plotWidth;
  }

  y(value: number): number {
    const { range, log = false } = this.data;
    const place = (v: number) => (log ? Math.log(v) : v);
    const [low, high] = range;
    const kept = Math.min(high, Math.max(low, value));
    const share = (place(kept) - place(low)) / (place(high) - place(low));
    return this.height - MARGIN.bottom - share * (this.height - MARGIN.top - MARGIN.bottom);
  }
}

function drawGrid(pen: CanvasRenderingContext2D, frame: Frame, style: CSSStyleDeclaration): void {
  const { data, width, height } = frame;
  pen.strokeStyle = style.getPropertyValue("--line");
  pen.fillStyle = style.getPropertyValue("--quiet");
  pen.font = `12px ${style.fontFamily}`;
  pen.lineWidth = 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.beginPath();
  for (const { at, text } of data.yMarks) {
    const y = Math.round(frame.y(at)) + 0.5;
    pen.moveTo(MARGIN.left, y);
    pen.lineTo(width - MARGIN.right, y);
    pen.fillText(text, MARGIN.left - 8, y);
  }
  pen.stroke();
  pen.textBaseline = "bottom";
  pen.textAlign = "center";
  for (const { at, text } of data.xMarks) pen.fillText(text, frame.x(at), height - 2);
}

function drawCurve(pen: CanvasRenderingContext2D, frame: Frame, curve: Curve, color: string): void {
  const { values, width, dots = false } = curve;
  pen.strokeStyle = color;
  pen.fillStyle = color;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.beginPath();
  // More values than pixels: the least and the largest of every pixel.
  const group = Math.max(1, Math.floor(values.length / (2 * frame.plotWidth)));
  for (let start = 0; start < values.length; start += group) {
    const end = Math.min(values.length, start + group);
    let [low, high] = [values[start]!, values[start]!];
    for (let i = start + 1; i < end; i++) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
    pen.lineTo(frame.x(start), frame.y(low));
    if (high !== low) pen.lineTo(frame.x(start), frame.y(high));
  }
  pen.stroke();
  if (!dots) return;
  for (let i = 0; i < values.length; i++) {
    pen.beginPath();
    pen.arc(frame.x(i), frame.y(values[i]!), 3, 0, 2 * Math.PI);
    pen.fill();
  }
}
