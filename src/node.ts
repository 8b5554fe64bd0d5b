/** What only Node, Deno and Bun have: files. Import it beside the main entry. */

export { fileStore } from "./tune/file-store.ts";
