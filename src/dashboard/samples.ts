import { css, html, type TemplateResult } from "lit";
import { RunElement } from "./run-element.ts";
import { shared } from "./theme.ts";

/** Grey images of the training data, side by side in the colour of the text. */
export class WgfitSamples extends RunElement {
  static override styles = [
    shared,
    css`
      canvas {
        display: block;
        width: 100%;
        image-rendering: pixelated;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const count = this.run?.samples?.count;
    const label = count ? `${count} of its training images` : "Training images: none yet";
    return html`<canvas role="img" aria-label=${label}></canvas>`;
  }

  protected override hear({ type }: Parameters<RunElement["hear"]>[0]): void {
    if (type === "samples") this.requestUpdate();
  }

  protected override forget(): void {
    this.requestUpdate();
  }

  protected override draw(): void {
    const canvas = this.renderRoot.querySelector("canvas")!;
    const { samples } = this.run ?? {};
    if (!samples) return;
    const { width, height, count, pixels, columns } = samples;
    canvas.width = columns * width;
    canvas.height = Math.ceil(count / columns) * height;
    const pen = canvas.getContext("2d")!;
    const image = pen.createImageData(width, height);
    for (let example = 0; example < count; example++) {
      const own = pixels.subarray(example * width * height, (example + 1) * width * height);
      own.forEach((value, i) => {
        image.data[4 * i + 3] = value;
      });
      pen.putImageData(image, (example % columns) * width, Math.floor(example / columns) * height);
    }
    // What is covered takes the colour of the text.
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = this.inks.fg;
    pen.fillRect(0, 0, canvas.width, canvas.height);
  }
}
