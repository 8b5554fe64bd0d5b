import { describe, expect, test } from "vitest";
import { explain, explanationText, main } from "../../src/cli/explain.ts";
import { MODELS } from "../../src/models/index.ts";

describe("npm run explain", () => {
  const explanation = explain("book", 64);
  const { plan } = explanation;

  test("the book's net: what each layer costs in the forward pass", () => {
    const convolutions = plan.dispatches
      .filter(({ label, phase }) => phase === "forward" && label.startsWith("conv2d"))
      .map(({ path, flops }) => `${path} ${flops}`);
    // 2 · N · K · P · Q · C · R · S
    expect(convolutions).toEqual([
      `block1.conv ${2 * 64 * 8 * 14 * 14 * 25}`,
      `block2.conv ${2 * 64 * 16 * 7 * 7 * 8 * 9}`,
      `block3.conv ${2 * 64 * 32 * 4 * 4 * 16 * 9}`,
      `block4.conv ${2 * 64 * 64 * 2 * 2 * 32 * 9}`,
      `head ${2 * 64 * 10 * 64 * 9}`,
    ]);
  });

  test("every dispatch has a layer, a grid and places; the plan is plain data", () => {
    for (const { label, path, grid, bindings } of plan.dispatches) {
      expect(path, label).not.toBe("");
      expect(Math.min(...grid), label).toBeGreaterThanOrEqual(1);
      expect(bindings.length, label).toBeGreaterThan(0);
    }
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test("planned memory lies between the lower bound and a buffer for every value", () => {
    const { planned, unplanned, lowerBound } = plan.memory;
    expect(planned).toBeGreaterThanOrEqual(lowerBound);
    expect(planned).toBeLessThan(unplanned);
    expect(plan.work.length).toBeLessThanOrEqual(4);
  });

  test("the text has graph, dispatches and memory", () => {
    const text = explanationText("book", 64, explanation);
    expect(text.split("\n").slice(0, 2).join("\n")).toMatchInlineSnapshot(`
      "book: the book's net: five stride-2 convolutions with batch norm and ReLU
      30,402 parameters; input [64, 1, 28, 28]; one training step: forward, backward, update"
    `);
    expect(text).toMatch(/^ {2}%\d+ \[64, 8, 14, 14\] = conv2d/m);
    expect(text).toMatch(/^#\d\d {2}conv2d\w* +block4\.conv +forward/m);
    for (const row of [
      "work, planned",
      "work, unplanned",
      "work, lower bound",
      "parameters",
      "optimizer (velocity)",
    ]) {
      expect(text).toMatch(new RegExp(`^ {2}${row.replace(/[()]/g, "\\$&")} `, "m"));
    }
  });

  test.each(Object.keys(MODELS))("%s compiles without a GPU, a batch of one too", (name) => {
    for (const batch of [1, 5]) expect(explain(name, batch).plan.dispatches.length).toBeGreaterThan(5);
  });

  test("prints JSON on request, and names the nearest model", async () => {
    let text = "";
    const context = { write: (more: string) => (text += more) } as never;
    expect(await main({ model: "mlp", batch: 2, json: true }, context)).toBe(0);
    expect(JSON.parse(text).dispatches.length).toBeGreaterThan(5);
    await expect(main({ model: "boko", batch: 2, json: false }, context)).rejects.toMatchObject({
      name: "npm run explain",
      message: expect.stringContaining('expected "book", got "boko"'),
    });
  });
});
