import { spawnSync } from "node:child_process";
import process from "node:process";

/** Say this when a test leaves out its part because there is no TensorBoard to read with. */
export const NO_TENSORBOARD = "WGFIT_PYTHON names no Python that has tensorboard";

let usable: boolean | undefined;

/** True where WGFIT_PYTHON names a Python with TensorBoard. */
export function hasTensorBoard(): boolean {
  usable ??=
    Boolean(process.env.WGFIT_PYTHON) &&
    spawnSync(process.env.WGFIT_PYTHON!, ["-c", "import tensorboard"]).status === 0;
  return usable;
}
