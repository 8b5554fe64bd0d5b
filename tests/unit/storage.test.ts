import { describe, expect, test } from "vitest";
import { WgslReflect } from "wgsl_reflect";
import { compile } from "../../src/compile.ts";
import { dataSet } from "../../src/data/data-set.ts";
import type { Target } from "../../src/graph/define.ts";
import { buildModel, MODELS, type ModelName } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Model } from "../../src/nn/model.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import type { StepPlan } from "../../src/plan/step-plan.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { scan } from "../../src/wgsl/scan.ts";
import { changeStorage, enableStorage, type StorageForm } from "../../src/wgsl/storage.ts";
import { listFiles, readText, UNPARSED } from "./source.ts";
import { TARGET } from "./target.ts";

/** Arrays kept as f16 (or, in its place, as bits): the rewriting of kernels, and plans made with it. */

const HEAD = `@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
`;

describe("changeStorage", () => {
  const changed = (variable: string, text: string, form: StorageForm = "f16") =>
    changeStorage(`${HEAD}fn f() { ${text} }`, variable, form)?.split("fn f() { ")[1]?.slice(0, -2);

  test.each([
    ["let v = x[i];", "let v = vec4<f32>(x[i]);"],
    ["let v = x[i].xy + x[ i + 1 ][lane];", "let v = vec4<f32>(x[i]).xy + vec4<f32>(x[ i + 1 ])[lane];"],
    ["let v = x[u32(x[i].x)];", "let v = vec4<f32>(x[u32(vec4<f32>(x[i]).x)]);"],
    ["if (x[i].x == 1.0) { return x[0]; }", "if (vec4<f32>(x[i]).x == 1.0) { return vec4<f32>(x[0]); }"],
    ["let v = a.x[0] + max[0]; // x[i] = 1", "let v = a.x[0] + max[0]; // x[i] = 1"],
    ["let n = arrayLength(&x);", "let n = arrayLength(&x);"],
  ])("reads: %s", (text, expected) => {
    expect(changed("x", text)).toBe(expected);
  });

  test.each([
    ["y[i] = v;", "y[i] = f16(v);"],
    ["y[i + 1] = f(a[0], b);", "y[i + 1] = f16(f(a[0], b));"],
    ["/* y[0] */ y[i] = y[j];", "/* y[0] */ y[i] = f16(f32(y[j]));"],
    [
      "y[i] = select(0.0, y[i], y[i] <= y[j]);",
      "y[i] = f16(select(0.0, f32(y[i]), f32(y[i]) <= f32(y[j])));",
    ],
  ])("stores: %s", (text, expected) => {
    expect(changed("y", text)).toBe(expected);
  });

  test.each(["y[i] += v;", "y[i]++;", "let p = &y[i];", "f(&y);", "let y = 1.0;", "f(y);", "g(&y[0], 1);"])(
    "refuses %s",
    (text) => expect(changed("y", text)).toBeUndefined(),
  );
  test("refuses a lane that is stored alone", () => {
    expect(changed("x", "x[i].x = v;")).toBeUndefined();
    expect(changed("x", "x[i][lane] = v;")).toBeUndefined();
  });

  const declarations = (code: string, form: StorageForm) => {
    const changed = ["x", "y"].reduce((text, name) => changeStorage(text, name, form)!, code);
    return changed.replace("fn f() ", "").trim();
  };
  const copy = (x: string, y: string, more = "") =>
    `${more}@group(0) @binding(0) var<storage, read> x: array<${x}>;
@group(0) @binding(1) var<storage, read_write> y: array<${y}>;
fn f() { y[i] = x[i]; }`;

  test("the type of the elements, through an alias, and bits as bits of floats", () => {
    const alias = "alias Elem = vec4f; ";
    expect(declarations(copy("Elem", "vec4<f32>", alias), "bits")).toBe(
      `${alias}@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;
{ y[i] = bitcast<vec4<u32>>(vec4<f32>(bitcast<vec4<f32>>(x[i]))); }`,
    );
    expect(declarations(copy("u32", "u32"), "f16")).toBe(
      `@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;
{ y[i] = f16(bitcast<f32>(bitcast<u32>(f32(x[i])))); }`,
    );
    expect(declarations(copy("f32", "f32"), "rounded")).toContain(
      "{ y[i] = bitcast<u32>(quantizeToF16(bitcast<f32>(x[i]))); }",
    );
    expect(changeStorage(copy("i32", "i32"), "x", "f16")).toBeUndefined();
    expect(changeStorage(copy("atomic<u32>", "f32"), "x", "f16")).toBeUndefined();
  });

  test("a parameter of the same name is another thing", () => {
    const code = `${HEAD}fn g(x: vec4<f32>) -> f32 { return x[0]; }\nfn f() { let v = g(x[i]); }`;
    expect(changeStorage(code, "x", "f16")).toContain(
      "{ return x[0]; }\nfn f() { let v = g(vec4<f32>(x[i])); }",
    );
  });

  test("a declaration may stand after its uses", () => {
    const code = "fn f() { let v = e1[i]; }\n@group(1) @binding(0) var<storage, read> e1: array<f32>;\n";
    expect(changeStorage(code, "e1", "f16")).toBe(
      "fn f() { let v = f32(e1[i]); }\n@group(1) @binding(0) var<storage, read> e1: array<f16>;\n",
    );
  });
});

describe("every shader, one array after another", () => {
  /** Arrays of floats, or of the bits of floats. */
  const floats = (code: string) =>
    new WgslReflect(code).storage.filter(({ type }) => {
      const text = type.getTypeName();
      return /^array<(vec[234](<f32>|f)|f32|u32|vec4(<u32>|u))>$/.test(text);
    });

  test.each(listFiles("shaders", ".wgsl").filter((file) => !UNPARSED.includes(file)))("%s", (file) => {
    const code = readText(file);
    let all = code;
    for (const { name } of floats(code)) {
      const alone = changeStorage(code, name, "f16");
      expect(alone, name).toBeDefined();
      new WgslReflect(enableStorage(alone!, "f16"));
      all = changeStorage(all, name, "f16")!;
    }
    const whole = enableStorage(all, "f16");
    expect(whole.split("\n").length).toBe(code.split("\n").length);
    const before = scan(code);
    expect(scan(whole)).toEqual(before);
    for (const { type, name } of new WgslReflect(whole).storage) {
      if (floats(code).some((one) => one.name === name)) expect(type.getTypeName()).toMatch(/f16|h>/);
    }
  });
});

const QUADS: Target = { ...TARGET, subgroupMinSize: 4, subgroupMaxSize: 4, features: ["subgroups"] };

function planOf(name: ModelName, target: Target, storage?: StorageForm): StepPlan {
  const batch = 64;
  const { input, labels } = MODELS[name];
  const shape = labels === "pixel" ? input.slice(1) : [];
  const size = (dims: readonly number[]) => batch * dims.reduce((a, b) => a * b, 1);
  const data = dataSet({
    inputs: { data: new Uint8Array(size(input)), shape: input },
    targets: { data: new Int32Array(size(shape)), shape },
    classes: 10,
  });
  const recipe = {
    model: new Model(buildModel(name, { input, classes: 10 })),
    loss: nn.crossEntropy(),
    metrics: [],
    optimizer: sgd(),
    accumulate: 1,
    trainMetrics: false,
  };
  const options = { target, states: new StateTable(), ...(storage && { storage }) };
  return compile(stepGraph(recipe, data, batch), options);
}

describe("plans with activations as f16", () => {
  const cases: { name: ModelName; target: Target }[] = [
    { name: "book", target: TARGET },
    { name: "cnn", target: QUADS },
    { name: "resnet8", target: TARGET },
    { name: "tinyUnet", target: QUADS },
    { name: "tinyDenseNet", target: QUADS },
  ];

  test.each(cases)("$name: the same dispatches, less memory, WGSL that parses", ({ name, target }) => {
    const [plain, half, bits] = [
      planOf(name, target),
      planOf(name, target, "f16"),
      planOf(name, target, "bits"),
    ];
    const shapes = ({ dispatches }: StepPlan) =>
      dispatches.map(({ label, path, grid }) => [label, path, grid]);
    expect(shapes(half)).toEqual(shapes(plain));
    expect(bits.memory).toEqual(plain.memory);
    for (const { code } of half.pipelines) new WgslReflect(code);
    // Every range starts where halves and vectors of them may, and holds whole vectors.
    for (const { bindings } of half.dispatches) {
      for (const { offset, size } of bindings) expect([offset % 256, size % 8]).toEqual([0, 0]);
    }
    expect(half.inputs).toEqual(plain.inputs);
    expect(half.outputs).toEqual(plain.outputs);
    const least = half.memory.lowerBound / plain.memory.lowerBound;
    expect(least).toBeLessThan(0.8);
    expect(least).toBeGreaterThanOrEqual(0.5);
    expect(half.memory.planned / plain.memory.planned).toBeLessThan(0.8);
  });

  test("the cnn's work memory is about half; parameters, their gradients and statistics stay f32", () => {
    const [plain, half] = [planOf("cnn", QUADS), planOf("cnn", QUADS, "f16")];
    expect(half.memory.planned / plain.memory.planned).toBeLessThan(0.53);
    const kept = ({ dispatches }: StepPlan) =>
      dispatches.flatMap(({ bindings }) => bindings.filter(({ buffer }) => !buffer.startsWith("work")));
    expect(kept(half)).toEqual(kept(plain));
  });
});
