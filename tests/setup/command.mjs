import "./node-version.mjs";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { runMain, SetupError } from "./errors.mjs";
import { helpText, parseOptions } from "./options.mjs";
import { ensurePackages } from "./packages.mjs";
import { root } from "./root.mjs";

/**
 * @typedef {import("../../src/cli/options.ts")} Options
 * @typedef {import("../../src/cli/options.ts").CommandSpec} CommandSpec
 * @typedef {import("../../src/cli/options.ts").OptionValues} OptionValues
 * @typedef {import("../../src/cli/context.ts").CommandContext} CommandContext
 */

/**
 * Run a command that is written in TypeScript: parse its options, load `src/cli/<name>.ts`, call its `main`.
 * @template T
 * @param {string} name
 * @param {(options: Options) => { command: CommandSpec, convert: (values: OptionValues) => T }} choose
 * @param {() => Promise<object>} [tools] what this command's context has beside every command's
 */
export function runCommand(name, choose, tools = async () => ({})) {
  return runMain(async () => {
    await ensurePackages();
    const options = /** @type {Options} */ (await load("src/cli/options.ts"));
    const { command, convert } = choose(options);
    const parsed = parseOptions(command, process.argv.slice(2));
    if (!parsed) {
      process.stdout.write(helpText(command));
      return 0;
    }
    const values = typedValues(options, command, () => convert(parsed.values));
    const module = await load(`src/cli/${name}.ts`);
    const { context } = await import("./page.mjs");
    return run(module, values, { ...context, ...(await tools()) });
  });
}

/**
 * @template T
 * @param {Options} options
 * @param {CommandSpec} command
 * @param {() => T} convert
 */
function typedValues({ OptionError }, { name }, convert) {
  try {
    return convert();
  } catch (error) {
    if (error instanceof OptionError) throw new SetupError(`npm run ${name}: ${error.message}.`);
    throw error;
  }
}

/**
 * @template T
 * @param {object} module
 * @param {T} values
 * @param {CommandContext} context
 */
async function run(module, values, context) {
  const { main } = /** @type {{ main: (values: T, context: CommandContext) => Promise<number> }} */ (module);
  try {
    return await main(values, context);
  } catch (error) {
    // Errors made for the user carry their own fix; a stack would bury it.
    if (error instanceof Error && error.name !== "Error" && error.name !== "TypeError")
      throw new SetupError(`${error.name}: ${error.message}`);
    throw error;
  }
}

/** @param {string} file relative to the checkout */
async function load(file) {
  if (!existsSync(path.join(root, file)))
    throw new SetupError(`${file} is missing: type "git checkout ${file}" and the command again.`);
  const { runnerImport } = await import("vite");
  const { module } = await runnerImport(path.join(root, file), {
    root,
    configFile: false,
    logLevel: "error",
    resolve: { alias: { wgsl_reflect: "wgsl_reflect/wgsl_reflect.module.js" } },
  });
  return /** @type {object} */ (module);
}
