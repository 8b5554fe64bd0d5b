import type { Plugin } from "vite";
import { hasPython, python } from "./python.ts";
import { PYTHON_URL, type PythonAnswer, type PythonRequest } from "./python-client.ts";

/** Vite plugin: runs a script of tests/python for a gpu test, which lives in a browser. 404 where there is no Python. */
export function pythonServer(): Plugin {
  return {
    name: "python-server",
    configureServer(server) {
      server.middlewares.use(PYTHON_URL, (request, response) => {
        const chunks: Uint8Array[] = [];
        request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        request.on("end", () => {
          response.statusCode = hasPython() ? 200 : 404;
          response.end(
            hasPython() && request.method === "POST" ? answer(Buffer.concat(chunks).toString()) : "",
          );
        });
      });
    },
  };
}

function answer(body: string): string {
  const { script, files, ...options } = JSON.parse(body) as PythonRequest;
  const decoded = Object.entries(files).map(([name, text]) => [name, Buffer.from(text, "base64")]);
  try {
    const result = python(script, Object.fromEntries(decoded), options);
    const encoded = Object.entries(result.files).map(([name, bytes]) => [
      name,
      Buffer.from(bytes).toString("base64"),
    ]);
    return JSON.stringify({
      output: result.output,
      files: Object.fromEntries(encoded),
    } satisfies PythonAnswer);
  } catch (error) {
    return JSON.stringify({ error: `${error}`, output: "", files: {} } satisfies PythonAnswer);
  }
}
