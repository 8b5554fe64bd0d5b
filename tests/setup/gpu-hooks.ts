import { afterAll, afterEach, beforeAll } from "vitest";
import { expectNoGpuErrors, recordConsoleError, testDevice } from "./gpu.ts";

// Runs before each gpu test file.

const original = console.error;

beforeAll(async () => {
  console.error = (...args: unknown[]) => {
    recordConsoleError(args);
    original(...args);
  };
  await testDevice();
});

afterEach(expectNoGpuErrors);

afterAll(async () => {
  console.error = original;
  await expectNoGpuErrors();
});
