// Imported first by every entry point, so that an old Node ends in a sentence rather than in a stack.
// Keep it to syntax that old versions parse.
import process from "node:process";

/**
 * @param {string} version as in process.versions.node
 * @returns {string | null} what is wrong, in one sentence
 */
export function nodeProblem(version) {
  const parts = version.split(".").map(Number);
  const [major, minor] = [parts[0] || 0, parts[1] || 0];
  if (major > 20 || (major === 20 && minor >= 19)) return null;
  return `wgfit needs Node 20.19 or newer, this is Node ${version}: install a current one from https://nodejs.org and type the command again.`;
}

const problem = nodeProblem(process.versions.node);
if (problem) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
