import { MessageWriter } from "../core/message-writer.ts";
import { maskedCrc } from "./crc32c.ts";

/** A histogram as TensorBoard has it: counts of buckets by their right edges. */
export interface EventHistogram {
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Right edge of every bucket, ascending. */
  readonly limits: ArrayLike<number> & Iterable<number>;
  readonly counts: ArrayLike<number> & Iterable<number>;
}

/** One value of a step under a tag. */
export type EventValue =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly histogram: EventHistogram }
  /** Markdown. */
  | { readonly tag: string; readonly text: string };

/** The first record of a file. Units  seconds since 1970 */
export function versionRecord(wallTime: number): Uint8Array<ArrayBuffer> {
  return record(new MessageWriter().double(1, wallTime).text(3, "brain.Event:2"));
}

/**
 * A record with the values of a step: an `Event` with its `Summary`.
 * Units   wallTime seconds since 1970
 * Source  event.proto and summary.proto of TensorBoard; HistogramProto of the old style, which its readers convert
 */
export function eventRecord(
  wallTime: number,
  step: number,
  values: readonly EventValue[],
): Uint8Array<ArrayBuffer> {
  const summary = new MessageWriter();
  for (const value of values) summary.message(1, valueMessage(value));
  return record(new MessageWriter().double(1, wallTime).integer(2, step).message(5, summary));
}

/** Length, its checksum, data, their checksum. Source  TFRecord format */
function record(message: MessageWriter): Uint8Array<ArrayBuffer> {
  const data = message.finish();
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return bytes;
}

function valueMessage(value: EventValue): MessageWriter {
  const message = new MessageWriter().text(1, value.tag);
  if ("scalar" in value) return message.float(2, value.scalar);
  if ("histogram" in value) return message.message(5, histogramMessage(value.histogram));
  const DT_STRING = 7;
  const shape = new MessageWriter().message(2, new MessageWriter().integer(1, 1));
  const tensor = new MessageWriter().integer(1, DT_STRING).message(2, shape).text(8, value.text);
  const plugin = new MessageWriter().text(1, "text");
  return message.message(8, tensor).message(9, new MessageWriter().message(1, plugin));
}

function histogramMessage({ min, max, sum, sumOfSquares, limits, counts }: EventHistogram): MessageWriter {
  const total = Array.from(counts).reduce((all, count) => all + count, 0);
  return new MessageWriter()
    .double(1, min)
    .double(2, max)
    .double(3, total)
    .double(4, sum)
    .double(5, sumOfSquares)
    .doubles(6, limits)
    .doubles(7, counts);
}

/** Name of an event file, which must hold "tfevents". Units  seconds since 1970 */
export function eventFileName(wallTime: number, host = "wgfit"): string {
  return `events.out.tfevents.${Math.floor(wallTime).toString().padStart(10, "0")}.${host}.0.0`;
}
