/** What an error of the engine says; every field becomes one line. */
export interface ErrorDetails {
  /** Operator or function that refuses. */
  readonly op: string;
  readonly problem: string;
  readonly expected?: string;
  readonly got?: string;
  /** Layer path, file position, or option name. */
  readonly at?: string | undefined;
  /** Name of a value to its printed shape. */
  readonly shapes?: Readonly<Record<string, string>>;
  readonly fix?: string;
}

/** The one text form of an error: what is wrong with both numbers, where, the shapes, what to do. */
export function formatError(details: ErrorDetails): string {
  const { op, problem, expected, got, at, shapes, fix } = details;
  const first = [
    `${op}: ${problem}`,
    expected === undefined ? "" : `: expected ${expected}, got ${got}`,
  ].join("");
  const lines = [first];
  if (at) lines.push(`  at    ${at}`);
  if (shapes) {
    lines.push(
      `  shapes ${Object.entries(shapes)
        .map(([name, shape]) => `${name} ${shape}`)
        .join("   ")}`,
    );
  }
  if (fix) lines.push(`  fix   ${fix}`);
  return lines.join("\n");
}

/** Base of every error the engine throws on purpose. */
export class EngineError extends Error {
  readonly details: ErrorDetails;

  constructor(details: ErrorDetails) {
    super(formatError(details));
    this.name = new.target.name;
    this.details = details;
  }

  /** The same error with the layer path filled in, when it was not known where it was thrown. */
  located(path: string): this {
    if (this.details.at || !path) return this;
    const Constructor = this.constructor as new (details: ErrorDetails) => this;
    return new Constructor({ ...this.details, at: path });
  }
}

/** Shapes, ranks, channels, axes or dtypes that do not fit. */
export class ShapeError extends EngineError {}
/** A graph that breaks an invariant: an op used outside a trace, two writers of one state, a missing gradient. */
export class GraphError extends EngineError {}
/** WGSL that does not specialise or compile. */
export class ShaderError extends EngineError {}
/** No WebGPU, no adapter, a limit too low, a lost device. */
export class DeviceError extends EngineError {}
/** Data or labels that cannot be trained on. */
export class DataError extends EngineError {}
/** An option out of its range or unknown. */
export class OptionError extends EngineError {}
