import { expect, test } from "vitest";
import { unroll } from "../../src/wgsl/unroll.ts";

test("three loops in one another all unroll, and every line keeps its number", () => {
  const code = [
    "const N: u32 = 2u;",
    "fn f() {",
    "  for (var i = 0u; i < N; i++) { // unroll",
    "    for (var j = 0u; j < N; j++) { // unroll",
    "      for (var k = 0u; k < N; k++) { // unroll",
    "        s[i * 4u + j * 2u + k] += 1.0; // a comment",
    "      }",
    "    }",
    "  }",
    "}",
    "fn g() {}",
    "",
  ].join("\n");
  const text = unroll(code, "test");
  expect(text).not.toMatch(/\bfor\b|unroll/);
  const indices = [...text.matchAll(/s\[([^\]]+)\]/g)].map(([, index]) => index);
  expect(indices).toHaveLength(8);
  expect(new Set(indices).size).toBe(8);
  expect(indices.at(-1)).toBe("1u * 4u + 1u * 2u + 1u");
  expect(text.split("\n").indexOf("fn g() {}")).toBe(code.split("\n").indexOf("fn g() {}"));
});
