import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Plugin } from "vite";

/**
 * Vite plugin: GET `<prefix>/<name>` answers with the bytes of a file that lies directly in `folder`, 404 without one.
 * Files are read at each request, so a folder that appears later is served too.
 */
export function serveFolder(prefix: string, folder: string): Plugin {
  return {
    name: `serve-folder:${prefix}`,
    configureServer(server) {
      server.middlewares.use(prefix, async (request, response) => {
        const name = decodeURIComponent((request.url ?? "").split("?")[0] ?? "").replace(/^\//, "");
        const file = path.join(folder, name);
        const found =
          path.dirname(file) === path.resolve(folder) && (await stat(file).catch(() => null))?.isFile();
        response.setHeader("cache-control", "no-store");
        if (!found) {
          response.statusCode = 404;
          response.end(`no file ${name}`);
          return;
        }
        // No content-encoding: a .gz file arrives as the bytes on disk.
        response.setHeader("content-type", "application/octet-stream");
        response.end(await readFile(file));
      });
    },
  };
}
