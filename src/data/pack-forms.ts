/** One form of a digit as `digit-forms.ts` writes it. */
export interface DigitForm {
  readonly name: string;
  readonly weight: number;
  /** Keyframes: points of all strokes, one after another. */
  readonly keys: readonly (readonly ControlPoint[])[];
}

export interface ControlPoint {
  /** Hundredths of the unit square. */
  readonly x: number;
  readonly y: number;
  /** The curve is split here. */
  readonly isCorner: boolean;
  /** The last point of its stroke. */
  readonly isLast: boolean;
}

/** Added to coordinates, so that those left of or above the square are not negative. */
const BIAS = 256;
/** Words of a form's record: cumulative share, keyframes, points, place of the points. */
const RECORD = 4;

/** Forms by digit, read from their text. */
export function parseForms(text: string): DigitForm[][] {
  const digits: { name: string; weight: number; keys: ControlPoint[][] }[][] = [];
  for (const line of text.trim().split("\n")) {
    if (line.startsWith("digit ")) digits.push([]);
    else if (line.startsWith("  ")) digits.at(-1)!.at(-1)!.keys.push(parseKey(line));
    else {
      const [name, weight] = line.split(": ");
      digits.at(-1)!.push({ name: name!, weight: Number(weight), keys: [] });
    }
  }
  return digits;
}

function parseKey(line: string): ControlPoint[] {
  return line.split("|").flatMap((stroke) =>
    stroke
      .trim()
      .split(" ")
      .map((point, i, all) => {
        const [x, y] = point.replace("^", "").split(",").map(Number);
        return { x: x!, y: y!, isCorner: point.endsWith("^"), isLast: i === all.length - 1 };
      }),
  );
}

/**
 * Forms as words for the shader: place and number of each digit's records, the records, then the points, keyframe
 * after keyframe: x + 256 in ten bits, y + 256 in ten, corner, last.
 */
export function packForms(digits: readonly (readonly DigitForm[])[]): Uint32Array<ArrayBuffer> {
  const forms = digits.flat();
  const recordStart = 2 * digits.length;
  const pointStart = recordStart + RECORD * forms.length;
  const points: number[] = [];
  const records: number[] = [];
  const heads: number[] = [];
  for (const own of digits) {
    heads.push(recordStart + records.length, own.length);
    const total = own.reduce((sum, { weight }) => sum + weight, 0);
    let share = 0;
    for (const { weight, keys } of own) {
      share += weight / total;
      records.push(floatBits(share), keys.length, keys[0]!.length, pointStart + points.length);
      for (const { x, y, isCorner, isLast } of keys.flat()) {
        points.push((x + BIAS) | ((y + BIAS) << 10) | (Number(isCorner) << 20) | (Number(isLast) << 21));
      }
    }
  }
  return Uint32Array.from([...heads, ...records, ...points]);
}

function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}
