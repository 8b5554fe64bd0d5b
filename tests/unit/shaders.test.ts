import path from "node:path";
import { describe, expect, test } from "vitest";
import { WgslReflect } from "wgsl_reflect";
import { blankComments } from "../setup/shader-comments.ts";
import { listFiles, readText, UNPARSED } from "./source.ts";

const shaders = listFiles("shaders", ".wgsl").map((file) => ({ file, code: readText(file) }));

/** A function of a shader: its name, its text without comments, whether the comment above calls it a hook. */
interface ShaderFunction {
  readonly name: string;
  readonly text: string;
  readonly isHook: boolean;
}

/** Top-level functions of a file, entry points left out. */
function helpers(code: string): ShaderFunction[] {
  const lines = code.split("\n");
  const blank = blankComments(code).split("\n");
  const found: ShaderFunction[] = [];
  blank.forEach((line, start) => {
    const name = /^fn\s+(\w+)/.exec(line)?.[1];
    if (!name || /^\s*@/.test(blank[start - 1] ?? "")) return;
    let depth = 0;
    let end = start;
    for (; end < blank.length; end++) {
      depth += count(blank[end] ?? "", "{") - count(blank[end] ?? "", "}");
      if (
        depth === 0 &&
        blank
          .slice(start, end + 1)
          .join("")
          .includes("{")
      )
        break;
    }
    const text = blank
      .slice(start, end + 1)
      .join("\n")
      .replace(/\s+/g, " ")
      .trim();
    found.push({ name, text, isHook: /\bhook/i.test(commentAbove(lines, start)) });
  });
  return found;
}

function count(text: string, what: string): number {
  return text.split(what).length - 1;
}

function commentAbove(lines: readonly string[], start: number): string {
  let first = start;
  while (first > 0 && /^\s*\/\//.test(lines[first - 1] ?? "")) first--;
  return lines.slice(first, start).join("\n");
}

describe.each(shaders)("$file", ({ file, code }) => {
  const stem = path.posix.basename(file, ".wgsl");

  test.skipIf(UNPARSED.includes(file))("parses; its one entry point, if any, has the file's name", () => {
    const { entry } = new WgslReflect(code);
    const points = [...entry.compute, ...entry.vertex, ...entry.fragment].map(({ name }) => name);
    expect([[], [stem]]).toContainEqual(points);
  });

  test("starts with a comment that says what it is", () => {
    // A reserved first line may hold `enable f16;` and the like.
    const lines = code.split("\n").filter((line, i) => !(i === 0 && /^(enable\s.*;)?\s*$/.test(line)));
    expect(lines[0]).toMatch(new RegExp(`^// ${stem} — \\S`));
  });

  test("lines of at most 120 columns, no tabs, a newline at the end", () => {
    expect(code.split("\n").filter((line) => line.length > 120 || /\t|\s$/.test(line))).toEqual([]);
    expect(code.endsWith("\n")).toBe(true);
  });
});

test("helpers with equal names have equal text, hooks aside", () => {
  const seen = new Map<string, { file: string; text: string }>();
  const different: string[] = [];
  for (const { file, code } of shaders) {
    for (const { name, text, isHook } of helpers(code)) {
      if (isHook) continue;
      const first = seen.get(name);
      if (!first) seen.set(name, { file, text });
      else if (first.text !== text)
        different.push(`${name} in ${file} differs from the one in ${first.file}`);
    }
  }
  expect(different).toEqual([]);
});

test("every file is imported somewhere in src", () => {
  const text = listFiles("src", ".ts").map(readText).join("\n");
  const unused = shaders.filter(({ file }) => !text.includes(`/${file}?raw`)).map(({ file }) => file);
  expect(unused).toEqual([]);
});

/** Lines that declare an array inside a loop without a value, though sums are added up in it. */
function unsetSums(code: string): string[] {
  const isLoop: boolean[] = [];
  const found: string[] = [];
  for (const line of blankComments(code).split("\n")) {
    const name = /^\s*var (\w+): array<.*>;/.exec(line)?.[1];
    const adds =
      name && (/^(acc|sums)$/.test(name) || new RegExp(`\\b${name}\\[[^\\]]+\\] \\+= `).test(code));
    if (adds && isLoop.includes(true)) found.push(line.trim());
    for (const [index, brace] of [...line].entries()) {
      if (brace === "{") isLoop.push(/\b(for|while|loop)\b/.test(line.slice(0, index)));
      if (brace === "}") isLoop.pop();
    }
  }
  return found;
}

// WGSL sets a variable to zeros each time its declaration is met; one browser does so only the first time round.
test("sums that begin anew in a loop are set to zeros in so many words", () => {
  const problems = shaders.flatMap(({ file, code }) => unsetSums(code).map((line) => `${file}: ${line}`));
  expect(problems).toEqual([]);
});
