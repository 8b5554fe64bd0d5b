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

/**
 * True where four lanes form every subgroup: a processor's vector unit runs the kernels, a broadcast between lanes is
 * cheaper than a load, and memory of a workgroup is ordinary memory that has to be cleared first.
 */
export function hasQuads({ subgroupMinSize, subgroupMaxSize }: Target): boolean {
  return subgroupMinSize === 4 && subgroupMaxSize === 4;
}

/** True where tiles in workgroup memory are likely faster than registers alone: wide subgroups mean a GPU. */
export function hasWorkgroupTiles({ subgroupMaxSize, maxComputeWorkgroupStorageSize }: Target): boolean {
  return subgroupMaxSize >= 8 && maxComputeWorkgroupStorageSize >= 16_384;
}
