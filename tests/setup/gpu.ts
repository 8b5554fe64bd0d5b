import { expect } from "vitest";

/**
 * Helpers of gpu tests (they run inside headless Chromium).
 *
 *     import { testDevice } from "../setup/gpu.ts";
 *     test("...", async () => { const device = await testDevice(); ... });
 *
 * A WebGPU error nobody caught, an unhandled one included, and anything written to console.error fail the test.
 */

interface Shared {
  device: Promise<GPUDevice> | undefined;
  errors: string[];
}

// Test files share one page: what they share hangs on the window, since each may load this module anew.
const scope = globalThis as typeof globalThis & { wgfitTests?: Shared };
scope.wgfitTests ??= { device: undefined, errors: [] };
const shared = scope.wgfitTests;

/** Optional features worth having in tests where the adapter offers them. */
const WANTED = ["timestamp-query", "subgroups", "shader-f16"] as const;

/** True under `npm run test:full`: longer sweeps run too. */
export const fullRun = import.meta.env.WGFIT_FULL === "1";

/**
 * The one GPUDevice of the run, with the adapter's largest limits. Never destroy it: ask `freshDevice` for that.
 * Errors  throws where there is no adapter: a machine that cannot run the tests must not pass them
 */
export function testDevice(): Promise<GPUDevice> {
  shared.device ??= freshDevice();
  return shared.device;
}

/**
 * A device of one's own, with `descriptor` over the defaults of `testDevice`; errors on it count as well.
 * Destroy it at the end of the test.
 */
export async function freshDevice(descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
  const adapter = await testAdapter();
  const requiredFeatures = WANTED.filter((name) => adapter.features.has(name));
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") requiredLimits[name] = value;
  }
  const device = await adapter.requestDevice({
    label: "tests",
    requiredFeatures,
    requiredLimits,
    ...descriptor,
  });
  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    shared.errors.push(`${error.constructor.name}: ${error.message}`);
  });
  void device.lost.then(({ reason, message }) => {
    if (reason !== "destroyed") shared.errors.push(`device lost: ${message}`);
  });
  return device;
}

/** The adapter of this browser; throws where there is none. */
export async function testAdapter(): Promise<GPUAdapter> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  const cause = navigator.gpu ? "requestAdapter answered null" : "navigator.gpu is missing";
  throw new Error(
    `no WebGPU adapter in the test browser: ${cause}. Set CHROME to a newer Chrome, or leave out GPU=hardware.`,
  );
}

/** Wait until every error of work submitted so far has arrived. */
export async function settleGpu(): Promise<void> {
  if (!shared.device) return;
  const device = await shared.device;
  await device.queue.onSubmittedWorkDone();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The GPU and console errors so far, which are then forgotten: for tests that provoke them. */
export async function takeGpuErrors(): Promise<string[]> {
  await settleGpu();
  return shared.errors.splice(0);
}

/** Fails if a GPU error or a console error occurred since the last call. Runs after every test by itself. */
export async function expectNoGpuErrors(): Promise<void> {
  expect(await takeGpuErrors(), "uncaptured GPU errors and console errors").toEqual([]);
}

/** Count a console error as a failure of the test that runs. */
export function recordConsoleError(args: readonly unknown[]): void {
  shared.errors.push(`console.error: ${args.map(String).join(" ")}`);
}
