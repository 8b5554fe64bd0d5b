import { DeviceError } from "../core/errors.ts";
import type { Environment } from "./diagnose.ts";

/** Limits that the engine can use more of than WebGPU guarantees. */
const USEFUL_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Optional features that the engine uses where the adapter offers them. */
const USEFUL_FEATURES = [
  "timestamp-query",
  "subgroups",
  "shader-f16",
  // A draft, under the names that browsers have or may give it.
  "chromium-experimental-subgroup-matrix",
  "subgroup-matrix",
] as readonly GPUFeatureName[];

/** Options of `requestDevice`. */
export interface RequestDeviceOptions {
  /** Default "high-performance": the separate GPU of a laptop that has two. */
  readonly powerPreference?: GPUPowerPreference;
  /** Ask for the software adapter. Default false. */
  readonly forceFallbackAdapter?: boolean;
  /** Limits in place of the adapter's largest, by name. */
  readonly limits?: Readonly<Record<string, number>>;
  /** The implementation of WebGPU; default `navigator.gpu`. For Node with a package that brings one. */
  readonly gpu?: GPU;
  /** Hears that the adapter is a software one. Default console.warn. */
  onWarning?(message: string): void;
}

/** What an adapter says of itself. Browsers leave out what would identify a user; empty strings then. */
export interface AdapterDescription {
  /** "nvidia", "intel", "apple", "google" for SwiftShader. */
  readonly vendor: string;
  /** "ampere", "gen-12lp", "swiftshader". */
  readonly architecture: string;
  readonly description: string;
  /** True for an adapter that computes on the processor. */
  readonly software: boolean;
  /** One line for a person. */
  readonly text: string;
}

/** Facts of devices whose browser does not repeat the adapter's on the device. */
const knownAdapters = new WeakMap<GPUDevice, AdapterDescription>();

/**
 * A GPUDevice with the adapter's largest useful limits and the features the engine can use.
 * Errors  DeviceError that says which cause it is and the next step for that browser
 */
export async function requestDevice(options: RequestDeviceOptions = {}): Promise<GPUDevice> {
  const environment = describeEnvironment();
  const gpu = options.gpu ?? environmentScope().navigator?.gpu;
  if (!gpu) throw await noDevice({ ...environment, gpu: false });
  const adapter = await requestAdapter(gpu, options, environment);
  const requiredLimits: Record<string, number> = {};
  for (const name of USEFUL_LIMITS) {
    const limit = adapter.limits[name];
    if (typeof limit === "number") requiredLimits[name] = limit;
  }
  const request = adapter.requestDevice({
    label: "wgfit",
    requiredFeatures: USEFUL_FEATURES.filter((name) => adapter.features.has(name)),
    requiredLimits: { ...requiredLimits, ...options.limits },
  });
  const device = await request.catch(async (error: unknown) => {
    throw await noDevice({ ...environment, gpu: true, adapter: "given", refusal: messageOf(error) });
  });
  const description = describeAdapter(adapter);
  knownAdapters.set(device, description);
  if (description.software)
    (options.onWarning ?? ((message: string) => console.warn(message)))(description.text);
  return device;
}

async function requestAdapter(
  gpu: GPU,
  options: RequestDeviceOptions,
  environment: Environment,
): Promise<GPUAdapter> {
  const { powerPreference = "high-performance", forceFallbackAdapter = false } = options;
  const request = gpu.requestAdapter({ powerPreference, forceFallbackAdapter });
  const adapter = await request.catch(async (error: unknown) => {
    throw await noDevice({ ...environment, gpu: true, refusal: messageOf(error) });
  });
  if (!adapter) throw await noDevice({ ...environment, gpu: true, adapter: "null" });
  return adapter;
}

/** The texts for every browser and cause are loaded only where one is needed. */
async function noDevice(environment: Environment): Promise<DeviceError> {
  const { diagnose } = await import("./diagnose.ts");
  return new DeviceError(diagnose(environment));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Describes the adapter, or the adapter behind a device. */
export function describeAdapter(from: GPUDevice | GPUAdapter): AdapterDescription {
  const known = knownAdapters.get(from as GPUDevice);
  if (known) return known;
  const info = infoOf(from);
  const { vendor = "", architecture = "", device = "", description = "" } = info;
  const says = [vendor, architecture, device, description].join(" ");
  const software =
    isFallback(from, info) ||
    /swiftshader|llvmpipe|lavapipe|softpipe|\bwarp\b|basic render|software/i.test(says);
  const name =
    [vendor, architecture].filter(Boolean).join(" ") || device || "an adapter that does not say its name";
  const full = description && !name.includes(description) ? `${name} (${description})` : name;
  const text = software
    ? `${full}: a software adapter, which computes on the processor; a GPU is 10 to 100 times faster.`
    : full;
  return { vendor, architecture, description, software, text };
}

function infoOf(from: GPUDevice | GPUAdapter): Partial<GPUAdapterInfo> {
  const { info, adapterInfo } = from as { info?: GPUAdapterInfo; adapterInfo?: GPUAdapterInfo };
  return info ?? adapterInfo ?? {};
}

/** The mark of a software adapter, which has moved from the adapter to its info. */
function isFallback(from: GPUDevice | GPUAdapter, info: Partial<GPUAdapterInfo>): boolean {
  const { isFallbackAdapter = false } = info as { isFallbackAdapter?: boolean };
  return isFallbackAdapter || ((from as { isFallbackAdapter?: boolean }).isFallbackAdapter ?? false);
}

/** The few globals that tell where a program runs. */
export interface EnvironmentScope {
  readonly navigator?: { readonly userAgent?: string; readonly gpu?: GPU };
  readonly isSecureContext?: boolean;
  readonly WorkerGlobalScope?: unknown;
  readonly process?: { readonly versions?: { readonly node?: string } };
}

function environmentScope(): EnvironmentScope {
  return globalThis as EnvironmentScope;
}

/** Where the program runs, for `diagnose`: in a page, a worker, Node, Deno or Bun. */
export function describeEnvironment(scope: EnvironmentScope = environmentScope()): Environment {
  const node = scope.process?.versions?.node;
  const userAgent = scope.navigator?.userAgent ?? (node ? `Node.js/${node}` : "");
  return {
    userAgent,
    // Only browsers know insecure contexts.
    isSecureContext: scope.isSecureContext ?? true,
    gpu: Boolean(scope.navigator?.gpu),
    worker: scope.WorkerGlobalScope !== undefined,
  };
}
