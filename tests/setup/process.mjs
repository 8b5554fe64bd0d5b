import { spawn } from "node:child_process";
import process from "node:process";
import { root } from "./root.mjs";

/** @param {string} text */
export function say(text) {
  process.stdout.write(`${text}\n`);
}

/**
 * Run a program in the checkout with its output on ours; while it prints nothing, a line every ten seconds says
 * that it still runs.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, waiting?: string, shell?: boolean }} [options]
 * @returns {Promise<number>} the exit code; 127 if the program could not be started
 */
export function runProgram(command, args, { env = process.env, waiting, shell = false } = {}) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(command, args, { cwd: root, env, shell, stdio: ["ignore", "inherit", "inherit"] });
    const timer = waiting
      ? setInterval(() => say(`  ${waiting} (${Math.round((Date.now() - started) / 1000)} s)`), 10_000)
      : undefined;
    const done = (/** @type {number} */ code) => {
      clearInterval(timer);
      resolve(code);
    };
    child.on("error", () => done(127));
    child.on("exit", (code, signal) => done(signal ? 1 : (code ?? 1)));
  });
}

/**
 * Run a Node program of ours or of a package, with the terminal passed on whole.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} the exit code
 */
export function runNode(args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: "inherit" });
    // Ctrl-C reaches the child as well; wait for it to clean up (it owns the browser).
    const wait = () => {};
    process.on("SIGINT", wait);
    child.on("error", () => resolve(127));
    child.on("exit", (code, signal) => {
      process.off("SIGINT", wait);
      resolve(signal ? 1 : (code ?? 1));
    });
  });
}
