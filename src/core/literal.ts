/** A WGSL literal of a type. */
export function literal(value: number | boolean, type: string): string {
  if (type === "bool") return value ? "true" : "false";
  const number = Number(value);
  if (type === "u32") return `${number >>> 0}u`;
  if (type === "i32") return number < 0 ? `i32(${number})` : `${number}i`;
  return floatLiteral(number);
}

/** An f32 literal; infinities and NaN have none in WGSL and are not representable here. */
export function floatLiteral(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}
