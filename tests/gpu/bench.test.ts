import { expect, test } from "vitest";
import { SWITCHABLE } from "../../src/bench/fusion.ts";
import { measureCase } from "../../src/bench/measure.ts";
import { OurKernel } from "../../src/bench/ours.ts";
import { recordedLoss, stepRunner } from "../../src/bench/step-runner.ts";
import { contextOf } from "../../src/gpu/context.ts";
import { installMeter } from "../../src/gpu/meter.ts";
import { testDevice } from "../setup/gpu.ts";

/** The measuring code from end to end on small cases, without peers. */

const turns = { rounds: 2, sampleMs: 1, budgetMs: 1000 };

test("a small product: results, times, counts and hand-tiled products", async () => {
  installMeter();
  const device = await testDevice();
  const workload = { kind: "matmul", m: 64, n: 64, k: 32 } as const;
  const result = await measureCase(
    contextOf(device),
    { name: "small", group: "kernel", bound: "flops", workload },
    {
      ...turns,
      // A second engine of ours as the peer: its results agree, so it is timed.
      peers: [
        {
          name: "twin",
          device,
          check: async () => {},
          contender: () => new OurKernel(contextOf(device), workload),
        },
      ],
    },
  );
  const [ours, twin] = result.contenders;
  expect(ours).toMatchObject({ name: "wgfit", submits: 1, buffers: 0 });
  expect(ours!.samples).toHaveLength(2);
  expect(Math.min(...ours!.samples)).toBeGreaterThan(0);
  expect(ours!.bytes).toBeGreaterThan(3 * 4 * 64 * 32);
  expect(twin!.agreement).toEqual([expect.objectContaining({ output: "y", error: 0, agrees: true })]);
  expect(twin!.samples).toHaveLength(2);
  expect(result.handTiled.map(({ name }) => name)).toContain("hand-tiled direct 8x8");
});

test("a peer with other results is not timed", async () => {
  installMeter();
  const device = await testDevice();
  const workload = { kind: "crossEntropy", batch: 4, classes: 3 } as const;
  const wrong = {
    name: "wrong",
    first: async () => ({ loss: Float32Array.of(7) }),
    run: async () => 1,
    dispose() {},
  };
  const { contenders } = await measureCase(
    contextOf(device),
    { name: "small", group: "kernel", bound: "bytes", workload },
    { ...turns, peers: [{ name: "wrong", device, check: async () => {}, contender: () => wrong }] },
  );
  expect(contenders[1]!.samples).toEqual([]);
  expect(contenders[1]!.agreement[0]!.agrees).toBe(false);
});

test("a step gives the same loss without any one of the passes", async () => {
  const context = contextOf(await testDevice());
  const size = { model: "mlp", batch: 8, input: [1, 4, 4] } as const;
  const losses: number[] = [];
  for (const skip of [[], ...SWITCHABLE.map((name) => [name])]) {
    const runner = await stepRunner(context, size, { skip });
    await runner.run(1);
    await runner.run(1);
    losses.push(await recordedLoss(runner));
    runner.destroy();
  }
  for (const loss of losses) expect(loss).toBeCloseTo(losses[0]!, 5);
});
