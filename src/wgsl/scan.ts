import { ShaderError } from "../core/errors.ts";

/** A resource variable of a shader. */
export interface Binding {
  readonly group: number;
  readonly binding: number;
  readonly name: string;
  readonly access: "read" | "read_write" | "uniform";
}

/** The facts of a WGSL text that the engine needs at run time. Tests hold them against wgsl_reflect. */
export interface ShaderFacts {
  readonly entryPoint: string | undefined;
  readonly bindings: readonly Binding[];
}

const BINDING =
  /@group\(\s*(\d+)\s*\)\s*@binding\(\s*(\d+)\s*\)\s*var\s*<\s*(uniform|storage)\s*(?:,\s*(read_write|read)\s*)?>\s*(\w+)\s*:/g;

/**
 * Reads bindings and entry point from WGSL by their fixed form. User ops bring WGSL at run time, so that a reflection
 * at build time alone would not do; a full parser costs 43 KB.
 */
export function scan(code: string): ShaderFacts {
  const text = blankComments(code);
  const bindings: Binding[] = [];
  for (const match of text.matchAll(BINDING)) {
    const [, group, binding, space, access, name] = match;
    bindings.push({
      group: Number(group),
      binding: Number(binding),
      name: name!,
      access: space === "uniform" ? "uniform" : access === "read_write" ? "read_write" : "read",
    });
  }
  return { entryPoint: /@compute[\s\S]*?\bfn\s+(\w+)/.exec(text)?.[1], bindings };
}

/** Replaces comments by spaces, keeping every line and column. */
export function blankComments(code: string): string {
  return code.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
}

/** Entry point of a kernel file. Errors  ShaderError if there is none. */
export function entryPointOf(code: string, label: string): string {
  const { entryPoint } = scan(code);
  if (!entryPoint) {
    throw new ShaderError({
      op: label,
      problem: "no entry point",
      expected: "one function marked @compute",
      got: "none",
      fix: "add `@compute @workgroup_size(64) fn name(...)` to the WGSL",
    });
  }
  return entryPoint;
}
