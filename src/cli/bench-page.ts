/** The part of `npm run bench` that runs in headless Chrome: one case a page, so that no case meets another's leavings. */
import { CASES } from "../bench/cases.ts";
import { measureCeilings } from "../bench/ceilings.ts";
import { type FusionRow, measureFusion } from "../bench/fusion.ts";
import { type HookRow, measureHooks } from "../bench/hooks.ts";
import { type CaseResult, measureCase } from "../bench/measure.ts";
import { loadJax } from "../bench/peers/jax.ts";
import type { Peer } from "../bench/peers/peer.ts";
import { loadTfjs } from "../bench/peers/tfjs.ts";
import { measureScaling, SCALING, type ScalingResult } from "../bench/scaling.ts";
import { contextOf, type DeviceContext } from "../gpu/context.ts";
import { installMeter } from "../gpu/meter.ts";
import { describeAdapter, describeEnvironment, requestDevice } from "../gpu/request-device.ts";
import type {
  CaseRequest,
  CeilingsAnswer,
  CeilingsRequest,
  FusionRequest,
  HooksRequest,
  PeerPackage,
  ScalingRequest,
} from "./bench-result.ts";

let context: Promise<DeviceContext> | undefined;
const errors: string[] = [];

function ready(): Promise<DeviceContext> {
  installMeter();
  context ??= requestDevice({ onWarning: () => {} }).then((device) => {
    device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
    return contextOf(device);
  });
  return context;
}

/** A result counts only if the device found nothing wrong on the way to it. */
function checked<T>(result: T): T {
  if (errors.length > 0) throw new Error(`the device reports: ${errors[0]}`);
  return result;
}

function loadPeer({ name, urls }: PeerPackage): Promise<Peer> {
  return name === "jax-js" ? loadJax(urls[0]!) : loadTfjs(urls);
}

/** What the adapter is and can do at best. */
export async function ceilings({ rounds, sampleMs }: CeilingsRequest): Promise<CeilingsAnswer> {
  const own = await ready();
  const { text, software, vendor, architecture, description } = describeAdapter(own.device);
  const name = [vendor, architecture, description && `(${description})`].filter(Boolean).join(" ");
  const { subgroupMinSize, subgroupMaxSize } = own.target;
  return {
    adapter: name || text,
    software,
    browser: /Chrome\/[\d.]+/.exec(describeEnvironment().userAgent)?.[0] ?? describeEnvironment().userAgent,
    subgroups: subgroupMinSize === 0 ? "none" : `${subgroupMinSize} to ${subgroupMaxSize}`,
    ceilings: checked(await measureCeilings(own, rounds, sampleMs)),
  };
}

/** Measures one case beside the peers. */
export async function measure({ name, peers, ...options }: CaseRequest): Promise<CaseResult> {
  const own = await ready();
  const loaded: Peer[] = [];
  for (const peer of peers) loaded.push(await loadPeer(peer));
  const one = CASES.find((each) => each.name === name)!;
  return checked(await measureCase(own, one, { peers: loaded, ...options }));
}

/** Times a training step without each of the passes. */
export async function fusion({ name, ...options }: FusionRequest): Promise<FusionRow[]> {
  const own = await ready();
  const { workload } = CASES.find((each) => each.name === name)!;
  if (workload.kind !== "step") throw new RangeError(`${name} is no step`);
  return checked(await measureFusion(own, workload, options));
}

/** Times training with and without callbacks. */
export async function hooks({ name, ...options }: HooksRequest): Promise<HookRow[]> {
  const own = await ready();
  const { workload } = CASES.find((each) => each.name === name)!;
  if (workload.kind !== "step") throw new RangeError(`${name} is no step`);
  return checked(await measureHooks(own, workload, options));
}

/** Times one size of the scaling table. */
export async function scaling({ series, index, ...options }: ScalingRequest): Promise<ScalingResult> {
  return checked(await measureScaling(await ready(), SCALING[series][index]!, options));
}
