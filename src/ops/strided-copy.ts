import stridedCopy from "../../shaders/strided_copy.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import type { Kernel, Launch, LayoutRequest } from "../graph/define.ts";

/** Coordinate c along an axis of y is (c · step + begin) / divisor of x, if that is whole and inside. */
export interface AxisMap {
  /** The axis of x. */
  readonly axis: number;
  readonly step?: number;
  readonly begin?: number;
  readonly divisor?: number;
}

/** A run of positions in y's memory that maps to x by one rule. */
interface Run {
  readonly size: number;
  /** Sizes without padding. */
  readonly trueSize: number;
  readonly sourceSize: number;
  readonly stride: number;
  readonly step: number;
  readonly begin: number;
  readonly divisor: number;
}

/** The kernel of an op y[…] = x[mapped …]; `maps` has one entry per axis of y. */
export function stridedCopyKernel<A extends object>(
  layout: LayoutRequest,
  maps: (attrs: A) => readonly AxisMap[],
  fill: (attrs: A) => number = () => 0,
): Kernel<"x", "y", A> {
  return {
    name: "strided_copy",
    wgsl: stridedCopy,
    layouts: { x: "any", y: layout },
    launch: ({ physical: { x, y }, attrs }): Launch => {
      const scalar = mergeRuns(runsOf(x, y, maps(attrs)));
      const runs = x.size % 4 === 0 && fits(scalar) ? byFours(scalar) : undefined;
      const count = runs ? y.size / 4 : y.size;
      return {
        grid: linearGrid(ceilDiv(count, 64)),
        const: { COUNT: count, FILL: fill(attrs) },
        alias: { Elem: runs ? "vec4<u32>" : "u32" },
        hook: { source: sourceBody(runs ?? scalar) },
      };
    },
  };
}

function runsOf(x: Physical, y: Physical, maps: readonly AxisMap[]): Run[] {
  const orderOf = ({ layout, shape }: Physical) => layout.order ?? shape.map((_, axis) => axis);
  return orderOf(y).map((axis, position): Run => {
    const { axis: source, step = 1, begin = 0, divisor = 1 } = maps[axis]!;
    const size = y.dims[position]!;
    const unchanged = step === 1 && begin === 0 && divisor === 1 && x.shape[source] === y.shape[axis];
    // Padding lanes of an axis that is copied whole go along; elsewhere they have no source.
    const whole = unchanged && x.dims[orderOf(x).indexOf(source)] === size;
    return {
      size,
      trueSize: whole ? size : y.shape[axis]!,
      sourceSize: whole ? size : x.shape[source]!,
      stride: x.strides[source]!,
      step,
      begin,
      divisor,
    };
  });
}

function isPlain({ size, trueSize, step, begin, divisor, sourceSize }: Run): boolean {
  return size === trueSize && size === sourceSize && step === 1 && begin === 0 && divisor === 1;
}

/** Neighbouring runs that are copied whole and lie in a row in x become one; runs of size 1 vanish. */
function mergeRuns(runs: readonly Run[]): Run[] {
  const merged: Run[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    if (run.size === 1 && isPlain(run)) continue;
    if (last && isPlain(last) && isPlain(run) && last.stride === run.stride * run.size) {
      const size = last.size * run.size;
      merged[merged.length - 1] = { ...run, size, trueSize: size, sourceSize: size };
    } else merged.push(run);
  }
  return merged;
}

/** True if every four elements of y from a multiple of 4 on are four such of x, or all absent. */
function fits(runs: readonly Run[]): boolean {
  const inner = runs.at(-1);
  if (inner?.stride !== 1 || inner.step !== 1 || inner.divisor !== 1) return false;
  const whole = [inner.size, inner.trueSize, inner.begin].every((n) => n % 4 === 0);
  const cut = inner.begin < 0 || inner.begin + inner.trueSize > inner.sourceSize;
  return (
    whole &&
    (!cut || inner.sourceSize % 4 === 0) &&
    runs.every((run) => run === inner || run.stride % 4 === 0)
  );
}

function byFours(runs: readonly Run[]): Run[] {
  return runs.map((run, i) =>
    i === runs.length - 1
      ? {
          ...run,
          size: run.size / 4,
          trueSize: run.trueSize / 4,
          sourceSize: ceilDiv(run.sourceSize, 4),
          begin: run.begin / 4,
        }
      : { ...run, stride: run.stride / 4 },
  );
}

/** Body of the hook `source`: i as coordinates, each mapped, and checked where it may fall outside. */
function sourceBody(runs: readonly Run[]): string {
  const statements: string[] = [];
  const terms: string[] = [];
  let inner = runs.reduce((product, run) => product * run.size, 1);
  runs.forEach((run, n) => {
    const outermost = n === 0;
    inner /= run.size;
    const divided = inner === 1 ? "i" : `(i / ${inner}u)`;
    statements.push(`let c${n} = ${outermost ? divided : `${divided} % ${run.size}u`};`);
    const { place, absent } = mapped(run, n);
    if (absent.length > 0) statements.push(`if (${absent.join(" || ")}) { return ABSENT; }`);
    terms.push(run.stride === 1 ? place : `${place} * ${run.stride}u`);
  });
  return `${statements.join(" ")} return ${terms.join(" + ") || "0u"};`;
}

/** The coordinate in x of coordinate c of y, and when there is none. */
function mapped({ size, trueSize, sourceSize, step, begin, divisor }: Run, n: number) {
  const absent = trueSize < size ? [`c${n} >= ${trueSize}u`] : [];
  const scaled = step === 1 ? `c${n}` : `c${n} * ${step}u`;
  if (begin < 0) absent.push(`${scaled} < ${-begin}u`);
  const moved = begin === 0 ? scaled : `(${scaled} ${begin < 0 ? "-" : "+"} ${Math.abs(begin)}u)`;
  if (divisor !== 1) absent.push(`${moved} % ${divisor}u != 0u`);
  const place = divisor === 1 ? moved : `(${moved} / ${divisor}u)`;
  const last = (trueSize - 1) * step + begin;
  if (last / divisor >= sourceSize) absent.push(`${place} >= ${sourceSize}u`);
  return { place: place === `c${n} * ${step}u` ? `(${place})` : place, absent };
}
