import backwardInputWgsl from "../../shaders/conv2d_backward_input_depthwise_block.wgsl?raw";
import forwardWgsl from "../../shaders/conv2d_forward_depthwise_block.wgsl?raw";
import { CHANNELS_LAST, WEIGHT_HWIO } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import { type ConvAttrs, spanned, threadGrid } from "./conv-geometry.ts";
import {
  type Forward,
  forwardFamily,
  forwardSizes,
  type InputGradient,
  inputGradientFamily,
  inputGradientSizes,
} from "./conv2d-dense.ts";

/** Depthwise kernels whose threads compute blocks of several rows, so that neighbouring windows share what they read. */

interface Block {
  readonly rows: number;
  readonly pixels: number;
  readonly inRows: number;
  readonly columns: number;
}

type Geometry = Pick<ConvAttrs, "strideH" | "strideW" | "dilationH" | "dilationW">;

/** Most vec4s that a thread may hold at once; more are slow to compile and spill. */
const HELD = 48;

/** The largest block of which a thread can hold all that lies under it; none where a single row is too much. */
function blockOf(kernel: readonly [number, number], geometry: Geometry, rows: number): Block | undefined {
  const block = (tileRows: number): Block => ({
    rows: tileRows,
    pixels: 4,
    inRows: spanned(tileRows, geometry.strideH, kernel[0], geometry.dilationH),
    columns: spanned(4, geometry.strideW, kernel[1], geometry.dilationW),
  });
  return [4, 2, 1]
    .map(block)
    .find(
      (b) => b.inRows * b.columns <= HELD && (b.rows === 1 || b.rows * ceilDiv(rows, b.rows) <= 1.25 * rows),
    );
}

const UNIT: Geometry = { strideH: 1, strideW: 1, dilationH: 1, dilationW: 1 };

function launchBlock(
  block: Block,
  sizes: Record<string, number>,
  n: number,
  c4: number,
  out: [number, number],
) {
  return {
    grid: threadGrid(c4 * ceilDiv(out[1], block.pixels) * ceilDiv(out[0], block.rows) * n),
    const: {
      ...sizes,
      TILE_ROWS: block.rows,
      TILE_PIXELS: block.pixels,
      IN_ROWS: block.inRows,
      COLUMNS: block.columns,
      N: n,
      C4: c4,
    },
  };
}

export const forwardDepthwiseBlock: Forward = {
  name: "conv2d_forward_depthwise_block",
  wgsl: forwardWgsl,
  layouts: { x: CHANNELS_LAST, weight: WEIGHT_HWIO, y: CHANNELS_LAST },
  hooks: ["epilogue"],
  when: (context) => {
    const { weight, y } = context.shape;
    const block = blockOf([weight[2]!, weight[3]!], context.attrs, y[2]!);
    return forwardFamily(context) === "depthwise" && block !== undefined;
  },
  launch: (context) => {
    const { y, weight } = context.shape;
    const block = blockOf([weight[2]!, weight[3]!], context.attrs, y[2]!)!;
    const c4 = context.physical.y.dims[3]! / 4;
    return launchBlock(block, forwardSizes(context), y[0]!, c4, [y[2]!, y[3]!]);
  },
};

export const inputGradientDepthwiseBlock: InputGradient = {
  name: "conv2d_backward_input_depthwise_block",
  wgsl: backwardInputWgsl,
  layouts: { dy: CHANNELS_LAST, weight: WEIGHT_HWIO, dx: CHANNELS_LAST },
  hooks: ["epilogue"],
  when: (context) => {
    const { strideH, strideW, dilationH, dilationW, height } = context.attrs;
    const { weight } = context.shape;
    const block = blockOf([weight[2]!, weight[3]!], { ...UNIT, dilationH, dilationW }, height);
    const unitStride = strideH === 1 && strideW === 1;
    return inputGradientFamily(context) === "depthwise" && unitStride && block !== undefined;
  },
  launch: (context) => {
    const { dilationH, dilationW, height, width } = context.attrs;
    const { weight, dx } = context.shape;
    const block = blockOf([weight[2]!, weight[3]!], { ...UNIT, dilationH, dilationW }, height)!;
    const { STRIDE_H: _h, STRIDE_W: _w, ...sizes } = inputGradientSizes(context);
    return launchBlock(block, sizes, dx[0]!, context.physical.dx.dims[3]! / 4, [height, width]);
  },
};
