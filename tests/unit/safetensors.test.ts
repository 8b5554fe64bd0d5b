import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { DataError, EngineError } from "../../src/core/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/files/safetensors.ts";
import { matchTensors, stateTensors } from "../../src/files/state-dict.ts";
import { type StoredTensor, storedTensor, toFloats, toIntegers } from "../../src/files/tensor.ts";
import { Model } from "../../src/nn/model.ts";
import { buildModule } from "../golden/build.ts";
import { golden } from "../golden/load.ts";
import states from "../golden/models/states.json";
import { mutants } from "../setup/mutants.ts";
import { hasPython, python } from "../setup/python.ts";
import { NO_PYTHON } from "../setup/python-client.ts";

const folder = path.resolve(import.meta.dirname, "../golden/models");
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(path.join(folder, name)));
const { nets } = golden("states", states);

describe("element types", () => {
  const { tensors, metadata } = readSafetensors(file("dtypes.safetensors"));
  const floats = (name: string) => [...toFloats(tensors.get(name)!)];

  test("floats keep their value or are rounded to the nearest f32", () => {
    expect(floats("f64")).toEqual([Math.fround(1 / 3), -Infinity, 0, Infinity]);
    expect(floats("f32")).toEqual([Math.fround(1 / 3), -0, Math.fround(3e38), Math.fround(1e-45)]);
    expect(floats("f16")).toEqual([0.333251953125, 65504, 2 ** -24, -Infinity, Number.NaN]);
    // The values of torch.tensor([1 / 3, 3e38, -1e-40], dtype=torch.bfloat16).
    expect(floats("bf16")).toEqual([0.333984375, 3.00405527047391e38, -9.183549615799121e-41]);
    expect(floats("scalar")).toEqual([2.5]);
    expect(tensors.get("scalar")!.shape).toEqual([]);
    expect(floats("empty")).toEqual([]);
  });

  test("integers are read exactly, and rounded as floats", () => {
    const integers = (name: string) => [...toIntegers(tensors.get(name)!, name)];
    expect(integers("i64")).toEqual([0, -1, 2147483647, -2147483648]);
    expect(integers("i32")).toEqual([2147483647, -2147483648]);
    expect(integers("u8")).toEqual([0, 255, 7]);
    expect(integers("bool")).toEqual([1, 0]);
    expect(floats("wide")).toEqual([2 ** 53, -(2 ** 40)]);
    expect(() => integers("wide")).toThrow(/element 0 of wide: expected an integer of 32 bits/);
    expect(() => integers("f64")).toThrow(DataError);
  });

  test("metadata is kept", () => {
    expect([...metadata]).toEqual([["format", "pt"]]);
  });
});

describe.each(nets.map((net) => [net.name, net] as const))("state_dict of %s", (name, net) => {
  const bytes = file(`state-${name}.safetensors`);
  const model = new Model(buildModule(net.model));

  test("names and shapes are the model's, and written back the file is the same to the byte", () => {
    const { tensors } = readSafetensors(bytes);
    const { values, report } = matchTensors(model.states(), tensors);
    expect(report.missing).toEqual([]);
    expect(report.unexpected).toEqual([]);
    expect(writeSafetensors(stateTensors(model.states(), values))).toEqual(bytes);
  });
});

describe("names", () => {
  const model = new Model(buildModule(nets[0]!.model));
  const { tensors } = readSafetensors(file("state-book.safetensors"));
  const renamed = (rename: (name: string) => string) =>
    new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));

  test.each(["module.", "model.", "_orig_mod.", "model._orig_mod.module."])(
    "the prefix %s goes",
    (prefix) => {
      const { report } = matchTensors(
        model.states(),
        renamed((name) => prefix + name),
      );
      expect(report.loaded).toHaveLength(model.states().length);
    },
  );

  test("a prefix of one's own is given", () => {
    const given = renamed((name) => `encoder.${name}`);
    expect(() => matchTensors(model.states(), given)).toThrow(/missing in the file/);
    const { report } = matchTensors(model.states(), given, { prefix: "encoder." });
    expect(report.loaded).toHaveLength(model.states().length);
  });

  test("a wrapper's prefix stays where some names lack it", () => {
    const some = renamed((name) => (name === "0.weight" ? name : `module.${name}`));
    expect(() => matchTensors(model.states(), some)).toThrow(/only in the file: module\./);
  });

  test("strict refuses what one side lacks; else both lists are returned", () => {
    const other = renamed((name) => (name === "0.weight" ? "stem.weight" : name));
    expect(() => matchTensors(model.states(), other)).toThrow(
      /missing in the file: 0.weight, got only in the file: stem.weight/,
    );
    const { report } = matchTensors(model.states(), other, { strict: false });
    expect(report.missing).toEqual(["0.weight"]);
    expect(report.unexpected).toEqual(["stem.weight"]);
  });

  test("batch counters may be missing", () => {
    const old = new Map([...tensors].filter(([name]) => !name.endsWith("num_batches_tracked")));
    const { report } = matchTensors(model.states(), old);
    expect(report.missing.every((name) => name.endsWith("num_batches_tracked"))).toBe(true);
    expect(report.missing.length).toBeGreaterThan(0);
  });

  test("another shape is refused whatever strict says", () => {
    const wrong = new Map(tensors).set("0.weight", storedTensor([2], new Float32Array(2)));
    expect(() => matchTensors(model.states(), wrong, { strict: false })).toThrow(
      /shape of 0.weight: expected \[4, 1, 5, 5\], got \[2\]/,
    );
  });
});

/** A file with a given header. */
function fileOf(header: string, data: number, length = header.length): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
}

const entry = (offsets: string, shape = "[2]", dtype = "F32") =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

describe("files that lie", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(0), /at least 10 bytes, got 0/],
    [
      "a header of 4 GB",
      fileOf("{}", 0, 2 ** 32),
      /length of the header: expected 2 to 2 bytes, got 4294967296/,
    ],
    ["a header of 16 EB", Uint8Array.from({ length: 20 }, () => 255), /length of the header/],
    ["a header longer than the file", fileOf("{}", 4, 7), /length of the header/],
    ["no object", fileOf("[]", 0), /expected \{/],
    ["text after the object", fileOf("{} x", 0), /the end of the header/],
    ["a byte that is no UTF-8", fileOf("{}", 1).fill(255, 8, 9), /text in UTF-8/],
    ["a name twice", fileOf(`{"a":${entry("[0,8]")},"a":${entry("[8,16]")}}`, 16), /duplicate name.*got a/],
    [
      "a name twice, written in two ways",
      fileOf(`{"a":${entry("[0,8]")},"\\u0061":${entry("[8,16]")}}`, 16),
      /duplicate name/,
    ],
    ["a key twice", fileOf(`{"a":{"dtype":"F32","dtype":"F32"}}`, 0), /key of a/],
    ["a key too many", fileOf(`{"a":{"dtype":"F32","bits":4}}`, 0), /got bits/],
    ["no shape", fileOf(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), /entry a/],
    ["a gap before", fileOf(`{"a":${entry("[4,12]")}}`, 12), /a start at 0/],
    ["a gap between", fileOf(`{"a":${entry("[0,8]")},"b":${entry("[12,20]")}}`, 20), /a start at 8.*got 12/],
    ["an overlap", fileOf(`{"a":${entry("[0,8]")},"b":${entry("[4,12]")}}`, 12), /a start at 8.*got 4/],
    ["an end beyond the file", fileOf(`{"a":${entry("[0,8]")}}`, 4), /an end from 0 to 4, got 8/],
    [
      "an end before the start",
      fileOf(`{"a":${entry("[0,8]")},"b":${entry("[8,4]")}}`, 8),
      /data_offsets of b/,
    ],
    ["data that nobody names", fileOf(`{"a":${entry("[0,8]")}}`, 9), /8 bytes after the header, got 9/],
    ["a shape of other size", fileOf(`{"a":${entry("[0,8]", "[3]")}}`, 8), /12 for \[3\] of F32, got 8/],
    [
      "a shape that overflows",
      fileOf(`{"a":${entry("[0,8]", "[4294967296,4294967296,4294967296]")}}`, 8),
      /bytes of a/,
    ],
    ["a negative size", fileOf(`{"a":${entry("[0,8]", "[-2]")}}`, 8), /a whole number/],
    ["a fraction", fileOf(`{"a":${entry("[0,8.5]")}}`, 8), /a whole number/],
    ["a huge number", fileOf(`{"a":${entry("[0,99999999999999999999]")}}`, 8), /a whole number/],
    ["an unknown dtype", fileOf(`{"a":${entry("[0,8]", "[2]", "F9")}}`, 8), /F64, I64.*got F9/],
    ["metadata of numbers", fileOf(`{"__metadata__":{"a":1}}`, 0), /a string/],
    ["too many axes", fileOf(`{"a":${entry("[0,8]", `[${Array(40).fill(1)}]`)}}`, 8), /at most 32 numbers/],
    ["deep nesting", fileOf(`{"a":${"[".repeat(100_000)}`, 0), /expected \{/],
    ["a string without end", fileOf(`{"a`, 8), /the end of a string/],
  ])("%s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(DataError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test("names of Object's own are names like others", () => {
    const header = `{"__proto__":${entry("[0,8]")},"constructor":${entry("[8,16]")}}`;
    const { tensors } = readSafetensors(fileOf(header, 16));
    expect([...tensors.keys()]).toEqual(["__proto__", "constructor"]);
  });
});

test("mutants give an error of the engine or tensors that fill the file, as views of it, in under a second", () => {
  const count = process.env.WGFIT_FULL === "1" ? 10_000 : 1_000;
  let accepted = 0;
  for (const [which, name] of ["dtypes.safetensors", "state-depthwise.safetensors"].entries()) {
    for (const mutant of mutants(file(name), count / 2, which)) {
      const started = performance.now();
      const tensors = readOrRefuse(mutant);
      expect(performance.now() - started).toBeLessThan(1000);
      if (!tensors) continue;
      accepted++;
      checkViews(mutant, tensors);
    }
  }
  expect(accepted).toBeGreaterThan(count / 50);
  expect(accepted).toBeLessThan(count / 2);
});

function readOrRefuse(bytes: Uint8Array): ReadonlyMap<string, StoredTensor> | undefined {
  try {
    return readSafetensors(bytes).tensors;
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** No tensor has memory of its own, none overlaps another, and written anew the file reads the same. */
function checkViews(bytes: Uint8Array, tensors: ReadonlyMap<string, StoredTensor>): void {
  let total = 0;
  for (const tensor of tensors.values()) {
    expect(tensor.bytes.buffer).toBe(bytes.buffer);
    total += tensor.bytes.length;
  }
  expect(total).toBeLessThanOrEqual(bytes.length);
  const again = readSafetensors(writeSafetensors(Object.fromEntries(tensors))).tensors;
  for (const [name, tensor] of tensors) expect(again.get(name)).toEqual(tensor);
}

test("torch loads what is written here, bit for bit", ({ skip }) => {
  if (!hasPython()) return skip(NO_PYTHON);
  const files: Record<string, Uint8Array> = {};
  for (const net of nets) {
    const original = file(`state-${net.name}.safetensors`);
    const states = new Model(buildModule(net.model)).states();
    const { values } = matchTensors(states, readSafetensors(original).tensors);
    files[`original-${net.name}.safetensors`] = original;
    files[`ours-${net.name}.safetensors`] = writeSafetensors(stateTensors(states, values), { format: "pt" });
  }
  const { output } = python("compare_states.py", files);
  expect(output.trim().split("\n")).toHaveLength(nets.length);
});
