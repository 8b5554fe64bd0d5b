import type { DeviceContext } from "./context.ts";

/** Copies ranges of buffers to the host in one submit and waits for them; for results, not for the training loop. */
export async function readRegions(
  context: DeviceContext,
  regions: readonly { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number }[],
): Promise<ArrayBuffer[]> {
  const starts: number[] = [];
  let bytes = 0;
  for (const region of regions) {
    starts.push(bytes);
    bytes += region.size;
  }
  if (bytes === 0) return regions.map(() => new ArrayBuffer(0));
  const staging = context.createBuffer({
    label: "readback",
    size: bytes,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  try {
    const encoder = context.device.createCommandEncoder({ label: "readback" });
    regions.forEach((region, i) => {
      encoder.copyBufferToBuffer(region.buffer, region.offset, staging, starts[i]!, region.size);
    });
    context.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = staging.getMappedRange();
    return regions.map((region, i) => mapped.slice(starts[i]!, starts[i]! + region.size));
  } finally {
    staging.destroy();
  }
}
