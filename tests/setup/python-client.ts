/** URL under which the dev server of the gpu tests runs Python scripts. */
export const PYTHON_URL = "/@python";

/** Say this when a test leaves out its part because there is no Python with torch. */
export const NO_PYTHON = "WGFIT_PYTHON names no Python that has torch, onnx, onnxruntime and safetensors";

/** A script of tests/python (or one of the files), the files beside it (base64), and those to send back. */
export interface PythonRequest {
  readonly script: string;
  readonly files: Readonly<Record<string, string>>;
  /** A module that runs the script: torch.distributed.run and its options. */
  readonly module?: readonly string[];
  /** What follows the script's name. */
  readonly args?: readonly string[];
  readonly read?: readonly string[];
}

export interface PythonAnswer {
  readonly output: string;
  readonly files: Readonly<Record<string, string>>;
  readonly error?: string;
}

/** True where the server of the tests has a Python for them. */
export async function pythonAnswers(): Promise<boolean> {
  return (await fetch(PYTHON_URL, { method: "HEAD" })).ok;
}

/** Runs a Python script from a gpu test. Errors: what Python wrote, if it fails */
export async function askPython(
  script: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  options: Pick<PythonRequest, "module" | "args" | "read"> = {},
): Promise<{ output: string; files: Record<string, Uint8Array<ArrayBuffer>> }> {
  const encoded = Object.entries(files).map(([name, content]) => [name, toBase64(content)]);
  const body = JSON.stringify({ script, files: Object.fromEntries(encoded), ...options });
  const response = await fetch(PYTHON_URL, { method: "POST", body });
  const answer = (await response.json()) as PythonAnswer;
  if (answer.error) throw new Error(answer.error);
  const decoded = Object.entries(answer.files).map(([name, text]) => [name, fromBase64(text)]);
  return { output: answer.output, files: Object.fromEntries(decoded) };
}

function toBase64(content: Uint8Array | string): string {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
