import { ShaderError } from "../core/errors.ts";
import type { Target } from "../graph/define.ts";
import type { PlanBinding, PlanPipeline } from "../plan/step-plan.ts";

/** What has been made and sent on a device, to show that a replayed step makes nothing. */
export interface Counters {
  buffers: number;
  bindGroups: number;
  pipelines: number;
  submits: number;
}

const contexts = new WeakMap<GPUDevice, DeviceContext>();

/** The context of a device: its facts, its cache of pipelines, its counters. One per device. */
export function contextOf(device: GPUDevice): DeviceContext {
  let context = contexts.get(device);
  if (!context) {
    context = new DeviceContext(device);
    contexts.set(device, context);
  }
  return context;
}

type Access = PlanBinding["access"];

export class DeviceContext {
  readonly device: GPUDevice;
  readonly target: Target;
  readonly counters: Counters = { buffers: 0, bindGroups: 0, pipelines: 0, submits: 0 };
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(device: GPUDevice) {
    this.device = device;
    this.target = targetOf(device);
  }

  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.counters.buffers++;
    return this.device.createBuffer(descriptor);
  }

  createBindGroup(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    this.counters.bindGroups++;
    return this.device.createBindGroup(descriptor);
  }

  submit(commands: GPUCommandBuffer[]): void {
    this.counters.submits++;
    this.device.queue.submit(commands);
  }

  /** Layout of one bind group; the uniform row of a step is bound with a dynamic offset. */
  bindGroupLayout(entries: readonly { binding: number; access: Access }[]): GPUBindGroupLayout {
    const key = entries.map(({ binding, access }) => `${binding}:${access}`).join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.device.createBindGroupLayout({
        label: key || "empty",
        entries: entries.map(({ binding, access }) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer:
            access === "uniform"
              ? { type: "uniform", hasDynamicOffset: true }
              : { type: access === "read" ? "read-only-storage" : "storage" },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /** The compiled pipeline of a text; equal texts compile once. Errors  ShaderError with the compiler's own lines */
  pipeline(source: PlanPipeline, groups: readonly GPUBindGroupLayout[]): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(source.code);
    if (!pipeline) {
      pipeline = this.#compile(source, groups);
      this.#pipelines.set(source.code, pipeline);
      pipeline.catch(() => this.#pipelines.delete(source.code));
    }
    return pipeline;
  }

  async #compile(source: PlanPipeline, groups: readonly GPUBindGroupLayout[]): Promise<GPUComputePipeline> {
    this.counters.pipelines++;
    const { device } = this;
    // The validation error of the module is collected here and thrown with its line, not left to the console.
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: source.label, code: source.code });
    const scope = device.popErrorScope();
    const layout = device.createPipelineLayout({ label: source.label, bindGroupLayouts: [...groups] });
    const pipeline = device.createComputePipelineAsync({
      label: source.label,
      layout,
      compute: { module, entryPoint: source.entryPoint },
    });
    const failure = await pipeline.then(
      () => undefined,
      (error: unknown) => error,
    );
    const invalid = await scope;
    if (failure || invalid) throw await shaderError(source, module, failure ?? invalid);
    return pipeline;
  }
}

async function shaderError(
  source: PlanPipeline,
  module: GPUShaderModule,
  cause: unknown,
): Promise<ShaderError> {
  const info = await module.getCompilationInfo();
  const first = info.messages.find((message) => message.type === "error");
  const line = first ? source.code.split("\n")[first.lineNum - 1] : undefined;
  return new ShaderError({
    op: source.label,
    problem: first?.message ?? (cause as { message?: string }).message ?? "does not compile",
    at: first ? `${source.label}.wgsl:${first.lineNum}:${first.linePos}` : source.label,
    ...(line && { shapes: { [`${first!.lineNum} |`]: line.trim().slice(0, 400) } }),
    fix: "correct the WGSL; the line is that of the file, hooks stand on one line",
  });
}

/** A device's facts as plain data. */
export function targetOf(device: GPUDevice): Target {
  const { limits, features } = device;
  const info = (device as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
  const subgroups = features.has("subgroups");
  return {
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxBufferSize: limits.maxBufferSize,
    subgroupMinSize: subgroups ? (info?.subgroupMinSize ?? 0) : 0,
    subgroupMaxSize: subgroups ? (info?.subgroupMaxSize ?? 0) : 0,
    features: [...features].sort(),
  };
}
