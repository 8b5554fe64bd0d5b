import type { Target } from "../../src/graph/define.ts";

/** What WebGPU guarantees everywhere, as the facts of an adapter. */
export const TARGET: Target = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBufferBindingSize: 134217728,
  maxBufferSize: 268435456,
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  features: [],
};
