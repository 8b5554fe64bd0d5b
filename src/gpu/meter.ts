/** What has been made and sent so far by everything in a page that uses WebGPU, whichever library it is. */
export interface MeterCounts {
  readonly buffers: number;
  readonly submits: number;
  readonly dispatches: number;
}

/** Bytes of the buffers of one device: those that live now, and the most at one time. */
export interface MeterBytes {
  readonly live: number;
  readonly peak: number;
}

const counts = { buffers: 0, submits: 0, dispatches: 0 };
const bytes = new WeakMap<GPUDevice, { live: number; peak: number }>();
let isInstalled = false;

/**
 * Counts buffers, submits and dispatches of all devices of this page from now on, by wrapping WebGPU's own methods: the
 * one measure that is alike for every library. For benchmarks; the engine never installs it.
 */
export function installMeter(): void {
  if (isInstalled) return;
  isInstalled = true;
  meterBuffers();
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (commands) {
    counts.submits++;
    return submit.call(this, commands);
  };
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (x, y, z) {
    counts.dispatches++;
    return dispatchWorkgroups.call(this, x, y, z);
  };
}

function meterBuffers(): void {
  const owner = new WeakMap<GPUBuffer, { live: number; peak: number }>();
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    const account = bytes.get(this) ?? { live: 0, peak: 0 };
    bytes.set(this, account);
    counts.buffers++;
    account.live += buffer.size;
    account.peak = Math.max(account.peak, account.live);
    owner.set(buffer, account);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    const account = owner.get(this);
    if (account) account.live -= this.size;
    owner.delete(this);
    return destroy.call(this);
  };
}

export function meterCounts(): MeterCounts {
  return { ...counts };
}

/** Lets the peak of a device begin anew at what lives now. */
export function forgetPeak(device: GPUDevice): void {
  const account = bytes.get(device);
  if (account) account.peak = account.live;
}

/** Zeros for a device that has made no buffer since the meter was installed. */
export function meterBytes(device: GPUDevice): MeterBytes {
  return { ...(bytes.get(device) ?? { live: 0, peak: 0 }) };
}
