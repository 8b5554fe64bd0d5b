import { describe, expect, test } from "vitest";
import { ShaderError } from "../../src/core/errors.ts";
import { floatLiteral, literal } from "../../src/core/literal.ts";
import { blankComments, entryPointOf, scan } from "../../src/wgsl/scan.ts";
import { specialise } from "../../src/wgsl/specialise.ts";
import { evaluate, unroll } from "../../src/wgsl/unroll.ts";

const KERNEL = `// double - y = 2x; const COUNT: u32 = 9u; is only mentioned here
const COUNT: u32 = 64u;
const SCALE: f32 = 2.0;
const SHIFT: i32 = 0i;
const EXACT: bool = true;
alias Elem = f32;
@group(0) @binding(0) var<storage, read> x: array<Elem>;
@group(0) @binding(1) var<storage, read_write> y: array<Elem>;
fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return v; }
@compute @workgroup_size(64)
fn double(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < COUNT) { y[id.x] = epilogue(x[id.x] * SCALE, id.x, 0u); }
}
`;

function messageOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(ShaderError);
    return (error as Error).message;
  }
  return expect.fail("nothing was thrown");
}

describe("specialise", () => {
  test("constants, alias, hook and appended declarations, every line where it was", () => {
    const code = specialise(KERNEL, "double", {
      const: { COUNT: 100, SCALE: 0.5, SHIFT: -3, EXACT: false },
      alias: { Elem: "vec4<f32>" },
      hook: { epilogue: "return relu(v + e0[c]);" },
      append: [
        "@group(1) @binding(0) var<storage, read> e0: array<Elem>;",
        "fn relu(x: Elem) -> Elem { return x; }",
      ],
    });
    expect(code).toMatchInlineSnapshot(`
      "// double - y = 2x; const COUNT: u32 = 9u; is only mentioned here
      const COUNT: u32 = 100u;
      const SCALE: f32 = 0.5f;
      const SHIFT: i32 = i32(-3);
      const EXACT: bool = false;
      alias Elem = vec4<f32>;
      @group(0) @binding(0) var<storage, read> x: array<Elem>;
      @group(0) @binding(1) var<storage, read_write> y: array<Elem>;
      fn epilogue(v: Elem, i: u32, c: u32) -> Elem { return relu(v + e0[c]); }
      @compute @workgroup_size(64)
      fn double(@builtin(global_invocation_id) id: vec3<u32>) {
        if (id.x < COUNT) { y[id.x] = epilogue(x[id.x] * SCALE, id.x, 0u); }
      }
      @group(1) @binding(0) var<storage, read> e0: array<Elem>;
      fn relu(x: Elem) -> Elem { return x; }
      "
    `);
    const lineOf = (text: string) => (name: string) =>
      text.split("\n").findIndex((line) => line.includes(name));
    for (const name of ["fn double", "var<storage, read_write> y"])
      expect(lineOf(code)(name)).toBe(lineOf(KERNEL)(name));
  });

  test("nothing asked, nothing changed", () => {
    expect(specialise(KERNEL, "double", {})).toBe(KERNEL);
  });

  test("replacement text is taken literally", () => {
    const code = specialise(KERNEL, "double", { hook: { epilogue: "return v; /* $1 $& */" } });
    expect(code).toContain("{ return v; /* $1 $& */ }");
  });

  test.each([
    ["const", { const: { ROWS: 1 } }, "expected a line with const ROWS"],
    ["alias", { alias: { Word: "u32" } }, "expected a line with alias Word"],
    ["hook", { hook: { prologue: "return v;" } }, "expected a line with fn prologue on one line"],
    ["a function of several lines", { hook: { double: "return;" } }, "fn double on one line"],
  ])("a name that is absent is refused: %s", (_, change, expected) => {
    expect(messageOf(() => specialise(KERNEL, "double", change))).toContain(expected);
  });

  test("a constant is not mistaken for one whose name begins alike", () => {
    const code = specialise("const TILE_M: u32 = 1u;\nconst TILE: u32 = 2u;\n", "t", { const: { TILE: 8 } });
    expect(code).toBe("const TILE_M: u32 = 1u;\nconst TILE: u32 = 8u;\n");
  });
});

describe("literal", () => {
  test.each([
    [3, "u32", "3u"],
    [0x7fc00000, "u32", "2143289344u"],
    [-1, "i32", "i32(-1)"],
    [7, "i32", "7i"],
    [2, "f32", "2.0f"],
    [0.1, "f32", "0.10000000149011612f"],
    [1e-45, "f32", "1.401298464324817e-45f"],
    [-1e30, "f32", "-1.0000000150474662e+30f"],
    [true, "bool", "true"],
    [0, "bool", "false"],
  ])("%s as %s", (value, type, text) => {
    expect(literal(value, type)).toBe(text);
  });

  test("a large integer keeps its point", () => {
    expect(floatLiteral(16777216)).toBe("16777216.0f");
    expect(floatLiteral(2 ** 100)).toBe("1.2676506002282294e+30f");
  });
});

describe("unroll", () => {
  test("copies stand on one line, and the lines of the loop stay behind them", () => {
    const code = unroll(
      `const N: u32 = 3u;
fn sum() -> f32 {
  var s = 0.0;
  for (var i = 0u; i < N; i++) { // unroll
    s += a[i]; // one of them
  }
  return s;
}
`,
      "sum",
    );
    expect(code).toMatchInlineSnapshot(`
      "const N: u32 = 3u;
      fn sum() -> f32 {
        var s = 0.0;
        {  s += a[0u];  } {  s += a[1u];  } {  s += a[2u];  }


        return s;
      }
      "
    `);
  });

  test("inner loops too, outermost first; a loop without the mark stays", () => {
    const code = unroll(
      `for (var i = 0; i < 2; i++) { // unroll
  for (var j = i; j < i + 2; j += 1) { // unroll
    t[i * 2 + j] = 0.0;
  }
  for (var k = 0; k < 2; k++) { u[k] = i; }
}`,
      "nest",
    );
    expect(code).toMatchInlineSnapshot(`
      "{  { t[0 * 2 + 0] = 0.0; } { t[0 * 2 + 1] = 0.0; } for (var k = 0; k < 2; k++) { u[k] = 0; }  } {  { t[1 * 2 + 1] = 0.0; } { t[1 * 2 + 2] = 0.0; } for (var k = 0; k < 2; k++) { u[k] = 1; }  }




      "
    `);
    expect(code.split("\n")).toHaveLength(6);
  });

  test("only whole names are replaced", () => {
    const code = unroll(
      "for (var i = 0u; i < 1u; i++) { // unroll\n  index[i] = ii + xi + i * 2u;\n}",
      "names",
    );
    expect(code).toContain("index[0u] = ii + xi + 0u * 2u;");
  });

  test("a step, bounds with arithmetic, and a loop that runs zero times", () => {
    expect(unroll("for (var i = 0u; i < 8u; i += 4u) { // unroll\n  f(i);\n}", "step")).toBe(
      "{  f(0u);  } {  f(4u);  }\n\n",
    );
    const code =
      "const A: u32 = 2u;\nconst B: u32 = A * (A + 1u);\nfor (var i = 0u; i < B / 4u; i++) { // unroll\n  f(i);\n}";
    expect(unroll(code, "bounds").split("\n")[2]).toBe("{  f(0u);  }");
    expect(unroll("for (var i = 0u; i < 0u; i++) { // unroll\n  f(i);\n}", "zero")).toBe("\n\n");
  });

  test("bounds that are no constants, and a brace that is missing", () => {
    expect(messageOf(() => unroll("for (var i = 0u; i < n; i++) { // unroll\n}", "k"))).toContain(
      "bound of an unrolled loop: expected literals and constants of the file, got n",
    );
    expect(messageOf(() => unroll("for (var i = 0u; i < 2u; i++) { // unroll\n f(i);", "k"))).toContain(
      "not closed",
    );
    expect(
      messageOf(() => unroll("const A: u32 = A;\nfor (var i = 0u; i < A; i++) { // unroll\n}", "k")),
    ).toContain("bound of an unrolled loop");
  });

  test.each([
    ["7u / 2u", 3],
    ["(1 + 2) * 3 - 4", 5],
    ["-7 / 2", -3],
    ["10 % 4 + 1", 3],
    ["2 * -3", -6],
  ])("%s is %i, as in WGSL", (expression, value) => {
    expect(evaluate(expression, "", "k")).toBe(value);
  });
});

test.each(["1u << 2u", "0x10", "1.5", "3 2", "min(1, 2)", "2 *", "(1 + 2"])(
  "an expression that is not understood is refused: %s",
  (expression) => {
    expect(() => evaluate(expression, "", "k")).toThrow(ShaderError);
  },
);

describe("scan", () => {
  test("bindings, access and entry point; comments do not count", () => {
    expect(scan(`// @group(0) @binding(9) var<storage, read> ghost: array<f32>;\n${KERNEL}`)).toEqual({
      entryPoint: "double",
      bindings: [
        { group: 0, binding: 0, name: "x", access: "read" },
        { group: 0, binding: 1, name: "y", access: "read_write" },
      ],
    });
    expect(
      scan("@group(2) @binding(0) var<uniform> step: Step;\n@group(0)@binding(1)var<storage>z:array<f32>;"),
    ).toEqual({
      entryPoint: undefined,
      bindings: [
        { group: 2, binding: 0, name: "step", access: "uniform" },
        { group: 0, binding: 1, name: "z", access: "read" },
      ],
    });
  });

  test("a file without an entry point", () => {
    expect(messageOf(() => entryPointOf("fn f() {}", "f"))).toContain(
      "expected one function marked @compute, got none",
    );
  });

  test("blanked comments keep lines and columns", () => {
    const code = "a // b\n/* c\nd */ e";
    expect(blankComments(code)).toBe("a     \n    \n     e");
  });
});
