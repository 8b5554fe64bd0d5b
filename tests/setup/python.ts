import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { PythonRequest } from "./python-client.ts";

let usable: boolean | undefined;

/** True where WGFIT_PYTHON names a Python with the packages that the round trips need. */
export function hasPython(): boolean {
  usable ??=
    Boolean(process.env.WGFIT_PYTHON) &&
    spawnSync(process.env.WGFIT_PYTHON!, ["-c", "import torch, onnx, onnxruntime, safetensors"]).status === 0;
  return usable;
}

/**
 * Runs a script of tests/python in a folder of its own that holds the given files, and returns what it prints.
 * Errors: what Python wrote, if it fails
 */
export function python(
  script: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  options: Pick<PythonRequest, "module" | "args" | "read"> = {},
): { readonly output: string; readonly files: Readonly<Record<string, Uint8Array>> } {
  const folder = mkdtempSync(path.join(tmpdir(), "wgfit-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    const before = options.module?.length ? ["-m", ...options.module] : [];
    const where = script in files ? script : path.resolve(import.meta.dirname, "../python", script);
    const { status, stdout, stderr } = spawnSync(
      process.env.WGFIT_PYTHON!,
      [...before, where, ...(options.args ?? [])],
      {
        encoding: "utf8",
        cwd: folder,
        maxBuffer: 1e9,
      },
    );
    if (status !== 0) throw new Error(`${script}: ${stderr || `exit ${status}`}\n${stdout}`);
    const read = (options.read ?? []).map((name) => [
      name,
      new Uint8Array(readFileSync(path.join(folder, name))),
    ]);
    return { output: stdout, files: Object.fromEntries(read) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
