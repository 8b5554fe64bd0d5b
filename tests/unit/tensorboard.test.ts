import { describe, expect, test } from "vitest";
import { crc32c, maskedCrc } from "../../src/tensorboard/crc32c.ts";
import { eventFileName, eventRecord, versionRecord } from "../../src/tensorboard/events.ts";
import { eventHistogram } from "../../src/train/callbacks/tensorboard.ts";
import { python } from "../setup/python.ts";
import { hasTensorBoard, NO_TENSORBOARD } from "../setup/tensorboard.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("crc32c", () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of checksums.
  test.each<[string, Uint8Array, number]>([
    ["nothing", bytes(""), 0],
    ["123456789", bytes("123456789"), 0xe3069283],
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(255), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ])("of %s", (_, data, want) => {
    expect(crc32c(data)).toBe(want);
  });

  test("masked", () => {
    expect(maskedCrc(bytes(""))).toBe(0xa282ead8);
  });
});

describe("event records", () => {
  test("the first one, byte for byte", () => {
    const record = versionRecord(1);
    const view = new DataView(record.buffer);
    expect(Number(view.getBigUint64(0, true))).toBe(record.length - 16);
    expect(view.getUint32(8, true)).toBe(maskedCrc(record.subarray(0, 8)));
    const data = record.subarray(12, record.length - 4);
    expect([...data]).toEqual([
      9,
      ...new Uint8Array(Float64Array.of(1).buffer),
      26,
      13,
      ...bytes("brain.Event:2"),
    ]);
    expect(view.getUint32(record.length - 4, true)).toBe(maskedCrc(data));
  });

  test("a histogram holds what lies outside its range too", () => {
    const statistics = {
      ...{ count: 12, mean: 0.5, std: 2, min: -3, max: 40, norm: 10, nan: 1, inf: 1, signedBelow005: 0 },
      ...{ firstBinShare: 0, under: 2, over: 3, bins: Uint32Array.of(4, 1) },
    };
    const log = eventHistogram(statistics, { bins: 2, range: [0.1, 10], scale: "log" });
    expect([...log.counts]).toEqual([2, 4, 1, 3]);
    expect([...log.limits].map((limit) => Math.round(100 * limit) / 100)).toEqual([0.1, 1, 10, 40]);
    expect(log).toMatchObject({ min: 0, max: 40, sum: 5, sumOfSquares: 100 });
    const linear = eventHistogram(
      { ...statistics, under: 0, over: 0 },
      { bins: 2, range: [0, 1], scale: "linear" },
    );
    expect([...linear.counts]).toEqual([4, 1]);
    expect([...linear.limits]).toEqual([0.5, 1]);
  });

  test("TensorBoard's reader finds every tag, step and value", ({ skip }) => {
    if (!hasTensorBoard()) return skip(NO_TENSORBOARD);
    const histogram = {
      ...{ min: 0, max: 3, sum: 6, sumOfSquares: 20, limits: [1, 2, 3], counts: [5, 0, 2] },
    };
    const file = Buffer.concat([
      versionRecord(1000),
      eventRecord(1000, 0, [{ tag: "train/loss", scalar: 2.5 }]),
      eventRecord(1001, 7, [
        { tag: "train/loss", scalar: 1.25 },
        { tag: "acts/relu", histogram },
        { tag: "note", text: "| lr | 0.1 |\n— ≤ α" },
      ]),
      eventRecord(1002, 2 ** 33, [{ tag: "hp/lr", scalar: -0.5 }]),
    ]);
    const { output } = python("read_events.py", { [eventFileName(1000)]: file });
    const { scalars, histograms, texts } = JSON.parse(output);
    expect(scalars).toEqual({
      "train/loss": [
        [0, 2.5],
        [7, 1.25],
      ],
      "hp/lr": [[2 ** 33, -0.5]],
    });
    expect(histograms["acts/relu"]).toMatchObject([{ step: 7, min: 0, max: 3, num: 7 }]);
    expect(histograms["acts/relu"][0].counts).toEqual([5, 0, 2]);
    expect(texts.note).toEqual([{ step: 7, text: "| lr | 0.1 |\n— ≤ α" }]);
  });
});
