import { readFile } from "node:fs/promises";
import type { Plugin } from "vite";

/** Comments that `specialise` reads; they stay. */
const MARKER = /^\/\/\s*unroll\s*$/;

/**
 * Blank the comments of a WGSL file, keeping every line break, so that the line numbers of compiler messages hold.
 * Block comments nest in WGSL.
 */
export function blankComments(code: string): string {
  let out = "";
  let i = 0;
  while (i < code.length) {
    const two = code.slice(i, i + 2);
    if (two === "//") {
      const end = lineEnd(code, i);
      const comment = code.slice(i, end);
      out = MARKER.test(comment) ? out + comment : out.replace(/[ \t]+$/, "");
      i = end;
    } else if (two === "/*") {
      const end = blockEnd(code, i);
      out += ` ${code.slice(i, end).replace(/[^\n]/g, "")}`;
      i = end;
    } else {
      out += code[i];
      i++;
    }
  }
  return out;
}

function lineEnd(code: string, start: number): number {
  const end = code.indexOf("\n", start);
  return end < 0 ? code.length : end;
}

function blockEnd(code: string, start: number): number {
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    const two = code.slice(i, i + 2);
    if (two === "/*") {
      depth++;
      i++;
    } else if (two === "*/") {
      depth--;
      i++;
      if (depth === 0) return i + 1;
    }
  }
  return code.length;
}

/** No indentation: lines keep their numbers, and what `specialise` looks for stands at the start of a line. */
export function withoutIndentation(code: string): string {
  return code.replace(/^[ \t]+/gm, "");
}

/** Vite plugin: `x.wgsl?raw` carries no comments and no indentation in production builds. */
export function shaderComments(): Plugin {
  return {
    name: "shader-comments",
    apply: "build",
    enforce: "pre",
    async load(id) {
      if (!/\.wgsl\?raw$/.test(id)) return null;
      const code = await readFile(id.slice(0, -"?raw".length), "utf8");
      return `export default ${JSON.stringify(withoutIndentation(blankComments(code)))};`;
    },
  };
}
