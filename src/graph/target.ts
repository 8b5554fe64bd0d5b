import type { Target } from "./define.ts";

/**
 * What every WebGPU adapter offers: the specification's guaranteed limits and no optional feature. Plans can be made,
 * printed and tested for it where there is no GPU.
 * Units   bytes and counts
 * Source  WebGPU specification, table of limits (default values)
 */
export const BASELINE_TARGET: Target = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxStorageBufferBindingSize: 134_217_728,
  maxBufferSize: 268_435_456,
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
  features: [],
};
