import util from "node:util";
import { SetupError } from "./errors.mjs";

/**
 * One option of a command.
 * @typedef {object} OptionSpec
 * @property {"string" | "boolean"} type
 * @property {string} help one line, saying what omission means
 * @property {string} [value] name of the value in the help text
 * @property {string} [short] one letter
 * @property {boolean} [hidden] accepted, not listed
 * @property {boolean} [multiple] may be given several times; the value is a list
 */

/**
 * A command with its options; `--help` is added to each.
 * @typedef {object} CommandSpec
 * @property {string} name as typed after "npm run", or "start" or "test"
 * @property {string} summary one sentence
 * @property {Readonly<Record<string, OptionSpec>>} options
 * @property {string} [positionals] name of the arguments that are no options; without it there are none
 * @property {readonly string[]} [examples]
 */

/** @typedef {{ values: Record<string, string | boolean | string[]>, positionals: string[] }} ParsedOptions */

/** @type {OptionSpec} */
const HELP = { type: "boolean", short: "h", help: "print this and stop" };

/**
 * Parse a command line strictly: unknown options are named with the nearest known one.
 * Errors  SetupError for an unknown option, a missing or a superfluous value, an unexpected argument
 * @param {CommandSpec} command
 * @param {readonly string[]} argv
 * @returns {ParsedOptions | null} null if help is asked for
 */
export function parseOptions(command, argv) {
  /** @type {Record<string, OptionSpec>} */
  const options = { ...command.options, help: HELP };
  const { tokens } = util.parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type, short }]) => [name, short ? { type, short } : { type }]),
    ),
    strict: false,
    tokens: true,
  });
  /** @type {ParsedOptions} */
  const parsed = { values: {}, positionals: [] };
  for (const token of tokens) {
    if (token.kind === "positional") parsed.positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = options[token.name];
    if (!spec) throw new SetupError(unknownOption(command, Object.keys(options), token.rawName));
    const value = optionValue(command, spec, token);
    const before = parsed.values[token.name];
    parsed.values[token.name] = spec.multiple
      ? [...(Array.isArray(before) ? before : []), `${value}`]
      : value;
  }
  if (parsed.values.help) return null;
  const extra = parsed.positionals[0];
  if (extra !== undefined && !command.positionals)
    throw new SetupError(
      `${typed(command)}: unexpected argument "${extra}": options start with --, see ${typed(command)} -- --help.`,
    );
  return parsed;
}

/**
 * @param {CommandSpec} command
 * @returns {string} the help text
 */
export function helpText(command) {
  const rows = Object.entries({ ...command.options, help: HELP })
    .filter(([, spec]) => !spec.hidden)
    .map(([name, spec]) => {
      const left = `${spec.short ? `-${spec.short}, ` : ""}--${name}${spec.value ? ` ${spec.value}` : ""}`;
      return { left, help: spec.help };
    });
  const width = Math.max(...rows.map(({ left }) => left.length)) + 2;
  const usage = `${typed(command)} -- [options]${command.positionals ? ` [${command.positionals}]` : ""}`;
  const lines = [
    command.summary,
    "",
    `  ${usage}`,
    "",
    ...rows.map(({ left, help }) => `  ${left.padEnd(width)}${help}`),
  ];
  if (command.examples?.length) lines.push("", ...command.examples.map((example) => `  ${example}`));
  return `${lines.join("\n")}\n`;
}

/**
 * The candidate that is fewest edits away from a word, if it is near enough to be meant.
 * @param {string} word
 * @param {readonly string[]} candidates
 * @returns {string | null}
 */
export function nearest(word, candidates) {
  let best = null;
  let least = Math.max(2, Math.ceil(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) ? 1 : editDistance(word, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** @param {CommandSpec} command */
function typed({ name }) {
  return name === "start" || name === "test" ? `npm ${name}` : `npm run ${name}`;
}

/**
 * @param {CommandSpec} command
 * @param {string[]} known
 * @param {string} given with its dashes
 */
function unknownOption(command, known, given) {
  const near = nearest(given.replace(/^-+/, ""), known);
  const hint = near ? `did you mean --${near}?` : `see ${typed(command)} -- --help.`;
  return `${typed(command)}: unknown option ${given}: ${hint}`;
}

/**
 * @param {CommandSpec} command
 * @param {OptionSpec} spec
 * @param {{ rawName: string, value?: string | undefined, inlineValue?: boolean | undefined }} token
 */
function optionValue(command, spec, { rawName, value, inlineValue }) {
  const where = typed(command);
  if (spec.type === "boolean") {
    if (value === undefined) return true;
    throw new SetupError(`${where}: ${rawName} takes no value, got "${value}".`);
  }
  // What is given several times is meant for another program, whose options look like ours.
  const swallowed = !inlineValue && !spec.multiple && value?.startsWith("--");
  if (value === undefined || value === "" || swallowed)
    throw new SetupError(`${where}: ${rawName} needs a value: ${rawName} ${spec.value ?? "VALUE"}.`);
  return value;
}

/**
 * @param {string} a
 * @param {string} b
 */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
