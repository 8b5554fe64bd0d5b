import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommandContext, PageOptions } from "../../src/cli/context.ts";
import type { TrainOptions } from "../../src/cli/options.ts";
import { main } from "../../src/cli/train.ts";
import {
  EVENT_FUNCTION,
  LOG_FUNCTION,
  type LogChunk,
  type TrainEvent,
  type TrainRequest,
} from "../../src/cli/train-result.ts";
import { eventRecord, versionRecord } from "../../src/tensorboard/events.ts";
import { python } from "../setup/python.ts";
import { hasTensorBoard, NO_TENSORBOARD } from "../setup/tensorboard.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "wgfit-train-"));
  await writeFile(path.join(folder, "train-images-idx3-ubyte"), "");
  await writeFile(path.join(folder, "train-labels-idx1-ubyte"), "");
  await writeFile(path.join(folder, "notes.txt"), "");
});
afterAll(() => rm(folder, { recursive: true }));

const options: TrainOptions = {
  data: null,
  examples: null,
  test: null,
  model: "book",
  epochs: 1,
  batch: 64,
  lrMax: 0.06,
  schedule: "one-cycle",
  seeds: [1],
  valid: null,
  json: null,
  logdir: null,
};

/** A log of two steps in pieces that end in the middle of a record, as base64. */
function logPieces(seed: number): string[] {
  const whole = Buffer.concat([
    versionRecord(1000),
    eventRecord(1000, 0, [{ tag: "train/loss", scalar: seed }]),
    eventRecord(1001, 1, [{ tag: "train/loss", scalar: seed / 2 }]),
  ]);
  return [whole.subarray(0, 50), whole.subarray(50)].map((piece) => piece.toString("base64"));
}

/** A page that answers as the real one, at once. */
function fakePage(asked: unknown[]) {
  return async ({ expose }: PageOptions) => {
    const append = expose?.[LOG_FUNCTION] as ((chunk: LogChunk) => void) | undefined;
    const send = expose?.[EVENT_FUNCTION] as (event: TrainEvent) => void;
    return {
      reload: async () => {},
      close: async () => void asked.push(["close"]),
      call: async (name: string, request: unknown) => {
        asked.push([name, request]);
        if (name === "prepare") {
          return {
            value: { adapter: "a GPU", software: false, train: 8, valid: 2, shape: [1, 28, 28], classes: 10 },
          };
        }
        const { seed, model, log } = request as TrainRequest;
        if (log) for (const data of logPieces(seed)) append!({ run: log, data });
        if (seed === 13) return { error: { name: "DataError", message: "data: no luck" } };
        const result = { epoch: 1, trainLoss: 1, validLoss: 1, validAccuracy: 0.5, seconds: 1 };
        send({ type: "epoch", epochs: 1, result });
        const history = { loss: [1], lr: [0.06], momentum: [0.95] };
        const run = {
          adapter: "a GPU",
          model,
          seed,
          parameters: 3,
          epochs: [result],
          steps: 1,
          msPerStep: 5,
          history,
        };
        return { value: run };
      },
    };
  };
}

async function train(changed: Partial<TrainOptions>) {
  let text = "";
  const asked: unknown[] = [];
  const context: CommandContext = {
    cwd: folder,
    interactive: false,
    columns: 80,
    write: (more) => {
      text += more;
    },
    openPage: fakePage(asked),
  };
  return { code: await main({ ...options, ...changed }, context), text, asked };
}

describe("npm run train", () => {
  test("runs the seeds one after another and writes the list", async () => {
    const { code, text, asked } = await train({ data: ".", seeds: [1, 2], json: "out.json", valid: 3 });
    expect(code).toBe(0);
    const files = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
    expect(asked[0]).toEqual(["prepare", { model: "book", files, examples: 10_000, valid: 3, test: null }]);
    expect(asked.slice(1).map((call) => (call as [string])[0])).toEqual(["train", "train", "close"]);
    expect(text).toContain("Seed 2\nepoch 1/1");
    expect(text).toMatch(/^mean {2}1\.0000/m);
    const written = JSON.parse(await readFile(path.join(folder, "out.json"), "utf8"));
    expect(written.map((run: { seed: number }) => run.seed)).toEqual([1, 2]);
  });

  test("one seed is written as one object", async () => {
    await train({ json: "one.json" });
    expect(JSON.parse(await readFile(path.join(folder, "one.json"), "utf8"))).toMatchObject({
      seed: 1,
      msPerStep: 5,
    });
  });

  test("a log of every run grows in a folder of its own; TensorBoard reads it", async ({ skip }) => {
    await train({ seeds: [1, 2], logdir: "logs" });
    await train({ logdir: "logs" });
    const runs = await readdir(path.join(folder, "logs"));
    expect(runs.sort()).toEqual(["book-seed1", "book-seed1-2", "book-seed2"]);
    const [name] = await readdir(path.join(folder, "logs/book-seed2"));
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const file = await readFile(path.join(folder, "logs/book-seed2", name!));
    expect(file.toString("base64")).toBe(
      Buffer.concat(logPieces(2).map((p) => Buffer.from(p, "base64"))).toString("base64"),
    );
    if (!hasTensorBoard()) return skip(NO_TENSORBOARD);
    const { scalars } = JSON.parse(python("read_events.py", { [name!]: file }).output);
    expect(scalars).toEqual({
      "train/loss": [
        [0, 2],
        [1, 1],
      ],
    });
  });

  test("an error of the page is its sentence, and the page is closed", async () => {
    await expect(train({ seeds: [13] })).rejects.toMatchObject({
      name: "npm run train",
      message: "data: no luck",
    });
  });

  test.each<[Partial<TrainOptions>, string]>([
    [{ data: "nowhere" }, "--data: there is no folder nowhere."],
    [{ data: "notes.txt" }, "--data: notes.txt is a file; name the folder that holds the IDX files."],
    [{ test: "nowhere" }, "--test: there is no folder nowhere."],
    [{ data: "../" }, "holds no IDX files"],
    [{ json: "nowhere/out.json" }, "--json: the folder of nowhere/out.json does not exist; make it first."],
    [{ json: "." }, "--json: . is a folder; name a file in it."],
    [{ model: "boook" }, 'unknown name: expected "book", got "boook"'],
  ])("%o is refused before a browser starts", async (changed, message) => {
    await expect(train(changed)).rejects.toThrow(message);
  });
});
