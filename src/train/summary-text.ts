import { alignColumns, formatBytes, formatCount } from "../plan/print.ts";
import type { Summary, SummaryRow } from "./summary.ts";

type Data = Omit<Summary, "toString">;

const HEADER = ["layer", "type", "input", "output", "kernel", "weights", "biases", "γ", "β", "buffers"];
const MORE = ["trains", "MACs", "MACs back", "output", "saved"];

/** The table of a summary: layers, the formulas behind the counts, totals, memory, and how torchinfo counts. */
export function summaryText(summary: Data): string {
  const { rows, totals } = summary;
  const last = [
    ...["total", "", "", "", ""],
    ...[totals.weights, totals.biases, totals.gamma, totals.beta, totals.buffers].map(cell),
    ...["", formatCount(totals.forwardMacs), formatCount(totals.backwardMacs)],
    ...[formatBytes(totals.activationBytes), formatBytes(totals.savedBytes)],
  ];
  const table = alignColumns([[...HEADER, ...MORE], ...rows.map(cells), last]);
  return [
    ...table,
    "",
    "Formulas",
    ...alignColumns(rows.flatMap(formulas)).map((line) => `  ${line}`),
    "",
    "Totals",
    ...totalLines(summary).map((line) => `  ${line}`),
    "",
    "Planned memory of a training step",
    ...memoryLines(summary).map((line) => `  ${line}`),
    "",
    ...torchinfoLines(summary),
  ].join("\n");
}

function cells(row: SummaryRow): string[] {
  const { parameters } = row;
  return [
    ...[row.name, row.type, shape(row.input), shape(row.output), row.kernel],
    ...[parameters.weights, parameters.biases, parameters.gamma, parameters.beta, row.buffers].map(cell),
    ...[row.trainable, macs(row.forwardMacs.count), macs(row.backwardMacs.count)],
    ...[formatBytes(row.activationBytes), row.savedBytes ? formatBytes(row.savedBytes) : ""],
  ];
}

function formulas({ name, parameters, forwardMacs, backwardMacs, outputFormula }: SummaryRow): string[][] {
  const lines: [string, string][] = [
    ["output", outputFormula],
    ["parameters", parameters.formula],
    ["MACs", forwardMacs.formula && `${forwardMacs.formula} = ${number(forwardMacs.count)}`],
    ["MACs back", backwardMacs.formula && `${backwardMacs.formula} = ${number(backwardMacs.count)}`],
  ];
  return lines.filter(([, text]) => text).map(([what, text], i) => [i === 0 ? name : "", what, text]);
}

function totalLines({ totals, batch }: Data): string[] {
  const { parameters, trainable, forwardMacs, backwardMacs } = totals;
  return alignColumns([
    [
      "parameters",
      `${number(parameters)}: ${number(trainable)} train, ${number(parameters - trainable)} do not`,
    ],
    ["buffers", `${number(totals.buffers)} (running statistics; PyTorch counts them apart too)`],
    [
      "multiply-adds",
      `${number(forwardMacs)} forward, ${number(backwardMacs)} backward for a batch of ${batch}`,
    ],
    ["bytes", `parameters 4P = ${number(totals.parameterBytes)}, gradients ${number(totals.gradientBytes)},`],
    ["", `optimizer state ${number(totals.optimizerBytes)}, saved for backward ${number(totals.savedBytes)}`],
  ]);
}

function memoryLines({ memory }: Data): string[] {
  const { buffers, peak, largestBuffer, largestBinding, limits, fits } = memory;
  const sum = (test: (name: string) => boolean) =>
    formatBytes(Object.entries(buffers).reduce((all, [name, bytes]) => all + (test(name) ? bytes : 0), 0));
  const isWork = (name: string) => name.startsWith("work");
  const isState = (name: string) => /^(params|grads|optimizer|stats)/.test(name);
  const isInput = (name: string) => name.startsWith("input.");
  return alignColumns([
    ["parameters, gradients, optimizer, statistics", sum(isState)],
    ["work", `${sum(isWork)} (${formatBytes(memory.unplannedWork)} with a buffer for every value)`],
    ["data", sum(isInput)],
    [
      "constants, records, per-step numbers",
      sum((name) => !isWork(name) && !isState(name) && !isInput(name)),
    ],
    ["peak", `${formatBytes(peak)} = ${number(peak)} bytes; nothing is made once training has begun`],
    [
      "largest buffer",
      `${largestBuffer.name} ${formatBytes(largestBuffer.bytes)} of ${formatBytes(limits.maxBufferSize)}`,
    ],
    [
      "largest binding",
      `${largestBinding.name} ${formatBytes(largestBinding.bytes)} of ${formatBytes(limits.maxStorageBufferBindingSize)}`,
    ],
    ["fits", fits ? "yes" : "no: use a smaller batch, or request a device with larger limits"],
  ]);
}

/** torchinfo's own numbers, where its rules differ from those above. */
function torchinfoLines({ rows, totals }: Data): string[] {
  const products = rows.reduce((sum, row) => sum + torchinfoMacs(row), 0);
  const withParameters = rows.filter(({ parameters }) => parameters.total > 0);
  const pass = withParameters.reduce((sum, row) => sum + 2 * row.activationBytes, 0);
  return [
    "torchinfo counts the same parameters, and differs in",
    `  mult-adds ${number(products)}: biases and normalisation parameters count as products too, a pixel or example each`,
    `  forward/backward pass size ${number(pass)} bytes: twice the output of layers with parameters, no others`,
    `  total size: without gradients (${number(totals.gradientBytes)}) and optimizer state (${number(totals.optimizerBytes)})`,
  ];
}

/** torchinfo's rule: a convolution's parameters at every output pixel, any other layer's at every example. */
function torchinfoMacs({ type, output, parameters }: SummaryRow): number {
  const pixels = type === "conv2d" ? output.slice(2).reduce((a, b) => a * b, 1) : 1;
  return parameters.total * output[0]! * pixels;
}

function shape(sizes: readonly number[]): string {
  return `[${sizes.join(", ")}]`;
}

function macs(count: number): string {
  return count === 0 ? "" : formatCount(count);
}

function number(count: number): string {
  return count.toLocaleString("en");
}

/** A number in a table; nothing where there is none. */
function cell(count: number): string {
  return count === 0 ? "" : number(count);
}
