import { expect, test } from "vitest";
import { freshDevice, takeGpuErrors, testAdapter, testDevice } from "../setup/gpu.ts";
import { NO_SHARED_DATA, sharedData } from "../setup/shared-data.ts";

test("a shared device with the adapter's limits", async () => {
  const device = await testDevice();
  expect(await testDevice()).toBe(device);
  const adapter = await testAdapter();
  expect(device.limits.maxBufferSize).toBe(adapter.limits.maxBufferSize);
  expect(device.limits.maxStorageBuffersPerShaderStage).toBe(adapter.limits.maxStorageBuffersPerShaderStage);
});

test("a GPU error that nobody catches is seen", async () => {
  const device = await testDevice();
  device.createBuffer({ label: "wrong", size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  const errors = await takeGpuErrors();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain("GPUValidationError");
});

test("console.error is seen", async () => {
  console.error("on purpose");
  expect(await takeGpuErrors()).toEqual(["console.error: on purpose"]);
});

test("a device of one's own can have the default limits and be destroyed", async () => {
  const device = await freshDevice({ requiredLimits: {}, requiredFeatures: [] });
  expect(device.limits.maxStorageBuffersPerShaderStage).toBeLessThanOrEqual(10);
  device.destroy();
  expect((await device.lost).reason).toBe("destroyed");
});

test("real data arrives as the bytes on disk", async ({ skip }) => {
  expect(await sharedData("no-such-file")).toBeNull();
  const labels = await sharedData("digits-labels-idx1-ubyte.gz");
  if (!labels) return skip(NO_SHARED_DATA);
  expect([...labels.subarray(0, 2)]).toEqual([0x1f, 0x8b]);
});
