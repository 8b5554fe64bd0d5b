import type { Choices } from "../../src/passes/choose.ts";

/** Choices that name one lowering for all nodes of an op: { conv2d: "conv2d_forward" }. */
export function choosing(lowerings: Readonly<Record<string, string>>): Choices {
  return new Proxy(lowerings, { get: (_, key) => lowerings[String(key).split("#")[0]!] });
}
