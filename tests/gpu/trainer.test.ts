import { afterEach, expect, test, vi } from "vitest";
import type { WgfitTrainer } from "../../src/element.ts";
import "../../src/element.ts";
import { randomRun } from "../setup/random-run.ts";

let trainer: WgfitTrainer;

afterEach(() => trainer.remove());

function addTrainer(properties: Partial<WgfitTrainer>): string[] {
  trainer = Object.assign(document.createElement("wgfit-trainer"), {
    model: "mlp",
    epochs: 1,
    seed: 3,
    ...properties,
  });
  const events: string[] = [];
  for (const name of ["run", "ready", "epoch", "done", "error", "unsupported"])
    trainer.addEventListener(`wgfit-${name}`, () => events.push(name));
  document.body.append(trainer);
  return events;
}

const until = (check: () => unknown) => vi.waitUntil(check, { timeout: 50_000, interval: 20 });
const length = () => trainer.run?.length ?? 0;
const press = (text: string) => {
  const buttons = [...trainer.shadowRoot!.querySelectorAll("button")];
  buttons.find((button) => button.textContent === text)!.click();
};

test("starts, pauses, takes one batch, goes on, hands out its weights; a seed repeats the run", async () => {
  const events = addTrainer({ batchSize: 120, schedule: "constant", lr: 0.05 });
  await trainer.updateComplete;
  expect([trainer.getAttribute("state"), trainer.host]).toEqual(["idle", undefined]);
  press("Start");
  await until(() => length() >= 1);
  expect(trainer.host).toBe("worker");
  trainer.pause();
  await until(() => trainer.state === "paused" || trainer.state === "done");
  expect(trainer.state).toBe("paused");
  await new Promise((resolve) => setTimeout(resolve, 400));
  const paused = length();
  expect(paused).toBeLessThan(25);
  trainer.lrPower = -1;
  await trainer.updateComplete;
  trainer.step();
  await until(() => length() > paused);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(length()).toBe(paused + 1);
  expect(trainer.run!.columns.lr.at(-1)).toBeCloseTo(0.005, 12);
  trainer.lrPower = 0;
  await trainer.updateComplete;
  press("Continue");
  await until(() => trainer.state === "done");
  expect(length()).toBe(25);
  expect(events).toEqual(["run", "ready", "epoch", "done"]);
  expect(trainer.run!.summary!.totals.parameters).toBe(203_530);
  expect(trainer.run!.samples!.pixels.some((value) => value > 200)).toBe(true);
  const file = await trainer.exportCheckpoint();
  expect(file!.length).toBeGreaterThan(4 * 203_530);
  const first = trainer.run!.columns.loss[0];
  trainer.start();
  await until(() => length() >= 1 && trainer.state === "running");
  expect(trainer.run!.columns.loss[0]).toBe(first);
  trainer.stop();
  await until(() => trainer.state === "done");
  expect(length()).toBeLessThan(25);
  trainer.reset();
  expect([trainer.state, length()]).toEqual(["idle", 0]);
});

test("without WebGPU it says why and plays a recorded run", async () => {
  const gpu = vi.spyOn(navigator, "gpu", "get").mockReturnValue(undefined as unknown as GPU);
  const json = JSON.stringify(randomRun({ steps: 40, every: 10 }));
  const replay = URL.createObjectURL(new Blob([json]));
  const events = addTrainer({ place: "page", replay });
  try {
    trainer.start();
    await until(() => length() >= 2);
    expect(events).toEqual(["run", "unsupported", "run"]);
    const text = trainer.shadowRoot!.querySelector("[role=alert]")!.textContent!;
    expect(text).toMatch(/WebGPU is not available here/);
    expect(text).toMatch(/What helps: \S+/);
    press("Pause");
    const paused = length();
    trainer.step();
    expect(length()).toBe(paused + 1);
  } finally {
    gpu.mockRestore();
  }
});
