export { addSplits } from "./add-splits.ts";
export { add } from "./add.ts";
export { broadcastTo } from "./broadcast-to.ts";
export { type GatherAttrs, gather } from "./gather.ts";
export { linear } from "./linear.ts";
export { type MatmulOptions, matmul } from "./matmul.ts";
export { relu } from "./relu.ts";
export { reshape } from "./reshape.ts";
export { sum } from "./sum.ts";
