import type { HostArray } from "../core/dtype.ts";
import { DataError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { State } from "../graph/value.ts";
import type { Learner } from "../train/learner.ts";
import { readSafetensors, type Safetensors, writeSafetensors } from "./safetensors.ts";
import { type StoredTensor, storedTensor, toFloats, toIntegers } from "./tensor.ts";

export interface LoadOptions {
  /** Text before every name in the file. Default: "module.", "model." and "_orig_mod." where all names begin so. */
  readonly prefix?: string;
  /** Refuse names that only one side has. Default true; batch counters may be missing in any case. */
  readonly strict?: boolean;
}

/** What a load did. */
export interface LoadReport {
  readonly loaded: readonly string[];
  /** Names of the model that the file lacks: they keep their values. */
  readonly missing: readonly string[];
  /** Names of the file that the model lacks. */
  readonly unexpected: readonly string[];
}

/** Prefixes that wrappers put before the names of a state_dict (DataParallel, Lightning, torch.compile). */
const WRAPPERS = ["module.", "model.", "_orig_mod."];

/**
 * All parameters and running statistics as a safetensors file, with the names and layouts of PyTorch's state_dict:
 * `model.load_state_dict(safetensors.torch.load_file(path))`.
 */
export async function saveSafetensors(
  learner: Learner,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const values = await learner.state();
  return writeSafetensors(stateTensors(learner.model.states(), values), metadata);
}

/** Tensors of states as PyTorch stores them: counters are I64. */
export function stateTensors(
  states: readonly State[],
  values: Readonly<Record<string, HostArray>>,
): Record<string, StoredTensor> {
  return Object.fromEntries(
    states.map(({ name, shape, dtype }) => [
      name,
      storedTensor(shape, values[name]!, dtype === "f32" ? "F32" : "I64"),
    ]),
  );
}

/**
 * Loads a safetensors file (or one that is read already) into a learner's model by the names of the state_dict.
 * Errors  DataError for a damaged file, names or shapes that do not fit; nothing is written then
 */
export async function loadSafetensors(
  learner: Learner,
  file: Uint8Array | Safetensors,
  options: LoadOptions = {},
): Promise<LoadReport> {
  knownOptions("loadSafetensors", options, { prefix: true, strict: true });
  const { tensors } = file instanceof Uint8Array ? readSafetensors(file) : file;
  const { values, report } = matchTensors(learner.model.states(), tensors, options);
  await learner.loadState(values);
  return report;
}

/** Values of a model's states from a file's tensors. Errors  DataError for names or shapes that do not fit */
export function matchTensors(
  states: readonly State[],
  tensors: ReadonlyMap<string, StoredTensor>,
  { prefix, strict = true }: LoadOptions = {},
): { readonly values: Readonly<Record<string, HostArray>>; readonly report: LoadReport } {
  const known = new Map(states.map((state) => [state.name, state]));
  const stripped = stripPrefix([...tensors.keys()], known, prefix);
  const found = new Map([...tensors.values()].map((tensor, i) => [stripped[i]!, tensor]));
  const missing = [...known.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !known.has(name));
  if (strict) checkNames(known, missing, unexpected);
  const loaded = [...known.values()].filter(({ name }) => found.has(name));
  for (const state of loaded) checkShape(state, found.get(state.name)!);
  const values = loaded.map((state) => [state.name, valuesFor(state, found.get(state.name)!)]);
  return {
    values: Object.fromEntries(values),
    report: { loaded: loaded.map(({ name }) => name), missing, unexpected },
  };
}

/** Names without the prefix: the given one, or those of wrappers as long as every name has one and the model's have not. */
function stripPrefix(
  names: readonly string[],
  known: ReadonlyMap<string, State>,
  prefix: string | undefined,
): readonly string[] {
  if (prefix !== undefined)
    return names.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
  const wrapper = WRAPPERS.find(
    (text) =>
      names.length > 0 &&
      names.every((name) => name.startsWith(text)) &&
      ![...known.keys()].some((name) => name.startsWith(text)),
  );
  if (wrapper === undefined) return names;
  return stripPrefix(
    names.map((name) => name.slice(wrapper.length)),
    known,
    undefined,
  );
}

function checkNames(
  known: ReadonlyMap<string, State>,
  missing: readonly string[],
  unexpected: readonly string[],
): void {
  // Files older than PyTorch 0.4.1 have no batch counters.
  const absent = missing.filter((name) => known.get(name)!.dtype === "f32");
  if (absent.length === 0 && unexpected.length === 0) return;
  const some = (names: readonly string[]) =>
    names.length
      ? `${names.slice(0, 6).join(", ")}${names.length > 6 ? `, … (${names.length})` : ""}`
      : "none";
  throw new DataError({
    op: "loadSafetensors",
    problem: "names of the file and of the model",
    expected: `the same; missing in the file: ${some(absent)}`,
    got: `only in the file: ${some(unexpected)}`,
    fix: "build the same model, pass prefix, or { strict: false } to load the names that both have",
  });
}

function checkShape({ name, shape }: State, tensor: StoredTensor): void {
  if (sameShape(shape, tensor.shape)) return;
  throw new DataError({
    op: "loadSafetensors",
    problem: `shape of ${name}`,
    expected: formatShape(shape),
    got: formatShape(tensor.shape),
    fix: "build the model with the sizes of the file",
  });
}

function valuesFor(state: State, tensor: StoredTensor): HostArray {
  return state.dtype === "f32" ? toFloats(tensor) : toIntegers(tensor, state.name);
}
