import "./node-version.mjs";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { runMain, SetupError } from "./errors.mjs";
import { helpText, parseOptions } from "./options.mjs";
import { ensurePackages } from "./packages.mjs";
import { runNode, say } from "./process.mjs";
import { root } from "./root.mjs";

/** @type {import("./options.mjs").CommandSpec} */
const command = {
  name: "build",
  summary: "Build the library with its types into dist, and the demo into dist/demo.",
  options: {},
};

const configFile = path.join(root, "vite.config.ts");
const dist = path.join(root, "dist");

/** Modules that a program imports, each a file of dist. */
const ENTRIES = ["index", "node", "element", "components"];

/** Paths that must exist for a build. */
const NEEDED = [...ENTRIES.map((name) => `src/${name}.ts`), "demo/index.html"];

async function buildLibrary() {
  const { build } = await import("vite");
  const { dependencies } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const external = new RegExp(`^(${Object.keys(dependencies).join("|")}|wgsl_reflect)(/|$)`);
  await build({
    configFile,
    root,
    publicDir: false,
    // The worker lies beside the modules, wherever they are served from.
    base: "./",
    build: {
      outDir: dist,
      target: "esnext",
      sourcemap: true,
      lib: {
        entry: Object.fromEntries(ENTRIES.map((name) => [name, path.join(root, `src/${name}.ts`)])),
        formats: ["es"],
      },
      // A style is text inside the module that uses it.
      rollupOptions: {
        external: (id) => (external.test(id) && !id.includes(".css")) || id.startsWith("node:"),
      },
    },
  });
}

async function buildTypes() {
  const code = await runNode(["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
  if (code !== 0) throw new SetupError('the types do not compile (see above): type "npm run check".');
  // The public types name GPUDevice: whoever imports them gets those names without a setting of their own.
  const file = path.join(dist, "index.d.ts");
  await writeFile(file, `/// <reference types="@webgpu/types" />\n${await readFile(file, "utf8")}`);
}

async function buildDemo() {
  const { build } = await import("vite");
  await build({
    configFile,
    root: path.join(root, "demo"),
    base: "./",
    build: {
      outDir: path.join(dist, "demo"),
      emptyOutDir: true,
      target: "esnext",
      rollupOptions: { input: ["index.html", "bench.html"].map((name) => path.join(root, "demo", name)) },
    },
  });
}

await runMain(async () => {
  if (!parseOptions(command, process.argv.slice(2))) {
    process.stdout.write(helpText(command));
    return 0;
  }
  const missing = NEEDED.find((file) => !existsSync(path.join(root, file)));
  if (missing)
    throw new SetupError(`${missing} is missing: type "git checkout ${missing}" and the command again.`);
  await ensurePackages();
  await rm(dist, { recursive: true, force: true });
  say("library ...");
  await buildLibrary();
  say("types ...");
  await buildTypes();
  say("demo ...");
  await buildDemo();
  return 0;
});
