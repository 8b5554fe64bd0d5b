import { spawnSync } from "node:child_process";
import process from "node:process";

/** Say this when a test leaves out its part because there is no Python with torch. */
export const NO_PYTHON = "WGFIT_PYTHON names no Python that has torch, onnx, onnxruntime and safetensors";

let usable: boolean | undefined;

/** True where WGFIT_PYTHON names a Python with the packages that the round trips need. */
export function hasPython(): boolean {
  usable ??=
    Boolean(process.env.WGFIT_PYTHON) &&
    spawnSync(process.env.WGFIT_PYTHON!, ["-c", "import torch, onnx, onnxruntime, safetensors"]).status === 0;
  return usable;
}

/** Runs a script given as text and returns what it prints. Errors: what Python wrote, if it fails */
export function python(script: string, args: readonly string[] = [], cwd?: string): string {
  const { status, stdout, stderr } = spawnSync(process.env.WGFIT_PYTHON!, ["-c", script, ...args], {
    encoding: "utf8",
    ...(cwd && { cwd }),
  });
  if (status !== 0) throw new Error(`Python: ${stderr || `exit ${status}`}`);
  return stdout;
}
