import type { Target } from "../graph/define.ts";
import type { Graph } from "../graph/graph.ts";
import { verify } from "../graph/verify.ts";
import { attachProbes } from "./attach-probes.ts";
import type { Choices } from "./choose.ts";
import { commonSubexpression } from "./common-subexpression.ts";
import { deadCode } from "./dead-code.ts";
import { expand } from "./expand.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldViews } from "./fold-views.ts";
import { fuseEpilogue } from "./fuse-epilogue.ts";
import { fuseLoss } from "./fuse-loss.ts";
import { fusePointwise } from "./fuse-pointwise.ts";
import { fusePrologue } from "./fuse-prologue.ts";
import { fuseWindows } from "./fuse-windows.ts";

/** A pass by name: a pure function from graph to graph. */
export interface Pass {
  readonly name: string;
  run(graph: Graph, target: Target, choices: Choices): Graph;
}

/** All passes in their order. Differentiation comes before them, so no fused op ever needs a gradient. */
export const PASSES: readonly Pass[] = [
  { name: "fuseLoss", run: fuseLoss },
  { name: "expand", run: expand },
  { name: "foldConstants", run: foldConstants },
  { name: "foldViews", run: foldViews },
  { name: "commonSubexpression", run: commonSubexpression },
  { name: "deadCode", run: deadCode },
  { name: "fusePointwise", run: fusePointwise },
  { name: "fuseWindows", run: fuseWindows },
  { name: "fusePrologue", run: fusePrologue },
  { name: "fuseEpilogue", run: fuseEpilogue },
  { name: "attachProbes", run: attachProbes },
];

export type PassName =
  | "fuseLoss"
  | "expand"
  | "foldConstants"
  | "foldViews"
  | "commonSubexpression"
  | "deadCode"
  | "fusePointwise"
  | "fuseWindows"
  | "fusePrologue"
  | "fuseEpilogue"
  | "attachProbes";

export interface PassOptions {
  readonly target: Target;
  readonly choices: Choices;
  /** Passes to leave out; `expand` cannot be. */
  readonly skip?: readonly PassName[];
  /** Sees the graph after every pass, for printing. */
  onPass?(name: string, graph: Graph): void;
}

/** Runs all passes, checking the graph's invariants after each. */
export function runPasses(graph: Graph, options: PassOptions): Graph {
  let current = graph;
  for (const pass of PASSES) {
    if (options.skip?.some((name) => name === pass.name && name !== "expand")) continue;
    current = pass.run(current, options.target, options.choices);
    verify(current, pass.name);
    options.onPass?.(pass.name, current);
  }
  return current;
}
