import path from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { lineOf, listFiles, parseSource, type SourceFile, walk } from "./source.ts";

/** What each folder of src may import besides itself; files directly in src are listed by their name. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  graph: ["core"],
  ops: ["graph", "core"],
  autodiff: ["graph", "ops", "core"],
  passes: ["graph", "ops", "core"],
  wgsl: ["core"],
  plan: ["passes", "graph", "wgsl", "core"],
  gpu: ["plan", "wgsl", "core"],
  tune: ["compile.ts", "gpu", "passes", "plan", "graph", "core"],
  nn: ["ops", "graph", "core"],
  optim: ["ops", "graph", "core"],
  data: ["ops", "graph", "core"],
  "compile.ts": ["autodiff", "optim", "passes", "plan", "graph", "ops", "wgsl", "core"],
  "evaluate.ts": [
    "compile.ts",
    "gpu",
    "autodiff",
    "optim",
    "nn",
    "passes",
    "plan",
    "graph",
    "ops",
    "wgsl",
    "core",
  ],
  "gradient-check.ts": ["evaluate.ts", "graph", "core"],
  train: [
    ...[
      "tensorboard",
      "tune",
      "compile.ts",
      "evaluate.ts",
      "data",
      "nn",
      "optim",
      "gpu",
      "plan",
      "passes",
      "autodiff",
    ],
    ...["ops", "graph", "wgsl", "core"],
  ],
  models: ["nn", "ops", "graph", "core"],
  files: ["train", "data", "nn", "optim", "ops", "graph", "core"],
  tensorboard: ["core"],
  pytorch: ["files", "train", "data", "nn", "optim", "ops", "graph", "core"],
  onnx: ["files", "train", "data", "nn", "optim", "ops", "graph", "core"],
  bench: [
    ...[
      "tune",
      "compile.ts",
      "evaluate.ts",
      "models",
      "train",
      "data",
      "nn",
      "optim",
      "gpu",
      "plan",
      "passes",
    ],
    ...["autodiff", "ops", "graph", "wgsl", "core"],
  ],
  dashboard: ["train", "core"],
  // The elements that draw know run data alone; this folder joins them with what trains.
  trainer: [...["dashboard", "files", "models", "train", "data", "nn", "optim", "gpu", "core"]],
  "components.ts": ["dashboard", "trainer"],
  "element.ts": ["components.ts"],
  cli: [
    ...[
      "tensorboard",
      "index.ts",
      "bench",
      "compile.ts",
      "evaluate.ts",
      "models",
      "files",
      "tune",
      "onnx",
      "pytorch",
      "train",
      "data",
      "nn",
      "optim",
      "gpu",
      "plan",
      "passes",
    ],
    ...["autodiff", "ops", "graph", "wgsl", "core"],
  ],
  "node.ts": ["tune"],
  "index.ts": [
    ...[
      "tensorboard",
      "compile.ts",
      "evaluate.ts",
      "gradient-check.ts",
      "models",
      "files",
      "tune",
      "onnx",
      "pytorch",
      "train",
      "data",
      "nn",
      "optim",
      "gpu",
      "plan",
      "passes",
    ],
    ...["autodiff", "ops", "graph", "wgsl", "core"],
  ],
};

/** What may be imported beyond that with `import type`. */
const MAY_NAME: Readonly<Record<string, readonly string[]>> = { gpu: ["graph"] };

/** Packages that may be imported at run time. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  dashboard: ["lit", "uplot"],
  trainer: ["lit"],
  cli: ["node:fs", "node:path", "node:process"],
  tune: ["node:fs/promises"],
};

/** Folders that import shader text. */
const READS_SHADERS = ["ops", "bench", "plan", "gpu", "passes", "train", "optim", "data"];

/** Where the public interface names types such as GPUDevice; elsewhere but in src/gpu nothing does. */
const NAMES_GPU_TYPES = [
  "trainer",
  "train",
  "tune",
  "evaluate.ts",
  "gradient-check.ts",
  "compile.ts",
  "index.ts",
  "cli",
  "data",
  "bench",
];

const MAX_LINES = 400;
const MAX_FUNCTION_LINES = 50;

const sources = listFiles("src", ".ts").map(parseSource);

/** "graph" for src/graph/value.ts, "compile.ts" for src/compile.ts. */
function layerOf(file: string): string {
  return path.posix.relative("src", file).split("/")[0] ?? "";
}

function isOperator(file: string): boolean {
  return layerOf(file) === "ops";
}

function importProblems({ file, imports }: SourceFile): string[] {
  const layer = layerOf(file);
  const allowed = MAY_IMPORT[layer];
  if (!allowed) return [`${file}: add ${layer} to the table in tests/unit/layers.test.ts`];
  const problems: string[] = [];
  for (const { specifier, target, typeOnly } of imports) {
    if (target === null) {
      const known = PACKAGES[layer]?.some((name) => specifier === name || specifier.startsWith(`${name}/`));
      if (!known && !typeOnly) problems.push(`${file}: ${layer} may not import the package ${specifier}`);
    } else if (target.startsWith("shaders/")) {
      if (!READS_SHADERS.includes(layer)) problems.push(`${file}: ${layer} may not import shaders`);
    } else if (!target.startsWith("src/")) {
      problems.push(`${file}: ${specifier} lies outside src`);
    } else if (typeOnly && MAY_NAME[layer]?.includes(layerOf(target))) {
      // Names a shape of data, loads nothing.
    } else if (layerOf(target) !== layer && !allowed.includes(layerOf(target))) {
      problems.push(`${file}: ${layer} may not import ${layerOf(target)} (${specifier})`);
    }
  }
  return problems;
}

/**
 * The first import cycle that exists at run time, as a list of files. Cycles inside src/ops are left out: the
 * gradient of one operator may be another one and the other way round (sum and broadcastTo), and gradients are called
 * long after loading.
 */
function findCycle(): string[] | null {
  const edges = new Map(
    sources.map(({ file, imports }) => {
      const loads = imports.filter(({ target, typeOnly }) => !typeOnly && target !== null);
      const next = loads
        .map(({ target }) => target ?? "")
        .filter((to) => !(isOperator(file) && isOperator(to)));
      return [file, next];
    }),
  );
  const finished = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): string[] | null => {
    const seen = trail.indexOf(file);
    if (seen >= 0) return [...trail.slice(seen), file];
    if (finished.has(file)) return null;
    trail.push(file);
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    finished.add(file);
    return null;
  };
  for (const { file } of sources) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return null;
}

function isFunction(node: ts.Node): boolean {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node)
  );
}

function longFunctions(source: SourceFile): string[] {
  const found: string[] = [];
  walk(source.tree, (node) => {
    if (!isFunction(node)) return;
    const first = lineOf(source, node.getStart());
    const length = lineOf(source, node.getEnd()) - first + 1;
    if (length > MAX_FUNCTION_LINES) found.push(`${source.file}:${first} has ${length} lines`);
  });
  return found;
}

/** Uses of GPU* names, and of navigator, that the layer may not have. */
function gpuNames(source: SourceFile): string[] {
  const layer = layerOf(source.file);
  if (layer === "gpu") return [];
  const found: string[] = [];
  walk(source.tree, (node) => {
    if (!ts.isIdentifier(node) || !/^(GPU[A-Z]\w*|navigator)$/.test(node.text)) return;
    if (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) return;
    const asType = ts.isTypeReferenceNode(node.parent) || ts.isExpressionWithTypeArguments(node.parent);
    if (asType && NAMES_GPU_TYPES.includes(layer)) return;
    found.push(`${source.file}:${lineOf(source, node.getStart())} names ${node.text}`);
  });
  return found;
}

describe("layers", () => {
  test("the table itself has no cycle", () => {
    const reaches = (from: string, to: string): boolean =>
      (MAY_IMPORT[from] ?? []).some((next) => next === to || reaches(next, to));
    expect(Object.keys(MAY_IMPORT).filter((layer) => reaches(layer, layer))).toEqual([]);
  });

  test("imports follow the table", () => {
    expect(sources.flatMap(importProblems)).toEqual([]);
  });

  test("no file imports itself through others", () => {
    expect(findCycle()).toBeNull();
  });

  test("only src/gpu works with the GPU", () => {
    expect(sources.flatMap(gpuNames)).toEqual([]);
  });
});

test(`files under src have at most ${MAX_LINES} lines, functions at most ${MAX_FUNCTION_LINES}`, () => {
  const longFiles = sources
    .filter(({ lines }) => lines > MAX_LINES)
    .map((s) => `${s.file} has ${s.lines} lines`);
  expect([...longFiles, ...sources.flatMap(longFunctions)]).toEqual([]);
});

test("src/ops/index.ts exports every operator file", () => {
  const barrel = sources.find(({ file }) => file === "src/ops/index.ts");
  const exported = new Set(barrel?.imports.map(({ target }) => target));
  const missing = sources
    .filter(({ file, tree }) => layerOf(file) === "ops" && definesOperator(tree) && !exported.has(file))
    .map(({ file }) => file);
  expect(missing).toEqual([]);
});

/** False for a file of helpers, which calls no define... function. */
function definesOperator(tree: ts.SourceFile): boolean {
  let defines = false;
  walk(tree, (node) => {
    if (ts.isCallExpression(node) && /^define[A-Z]/.test(node.expression.getText())) defines = true;
  });
  return defines;
}
