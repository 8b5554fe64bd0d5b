import { expect, test } from "vitest";
import { describeAdapter, describeEnvironment, requestDevice } from "../../src/gpu/request-device.ts";
import { testAdapter } from "../setup/gpu.ts";

test("requestDevice gives the adapter's largest limits and says when it is a software one", async () => {
  const warnings: string[] = [];
  const device = await requestDevice({ onWarning: (message) => warnings.push(message) });
  const adapter = await testAdapter();
  expect(device.limits.maxBufferSize).toBe(adapter.limits.maxBufferSize);
  expect(device.limits.maxStorageBufferBindingSize).toBe(adapter.limits.maxStorageBufferBindingSize);
  expect(device.features.has("timestamp-query")).toBe(adapter.features.has("timestamp-query"));
  const description = describeAdapter(device);
  expect(description).toEqual(describeAdapter(adapter));
  expect(warnings).toEqual(description.software ? [description.text] : []);
  device.destroy();
});

test("this browser as plain data", () => {
  expect(describeEnvironment()).toMatchObject({ isSecureContext: true, gpu: true, worker: false });
});
