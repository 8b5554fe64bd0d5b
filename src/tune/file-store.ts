import { readFile, rename, writeFile } from "node:fs/promises";
import type { ChoiceStore, StoredChoices } from "./store.ts";

/** A store in a JSON file, for Node, Deno and Bun. A file that is absent or damaged counts as empty. */
export function fileStore(path: string): ChoiceStore {
  const read = async (): Promise<Record<string, StoredChoices>> => {
    try {
      const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
      return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, StoredChoices>) : {};
    } catch {
      return {};
    }
  };
  return {
    load: async (adapter) => (await read())[adapter] ?? {},
    save: async (adapter, choices) => {
      const all = await read();
      all[adapter] = { ...all[adapter], ...choices };
      // A new file in the old one's place: a process that dies here leaves one or the other whole.
      await writeFile(`${path}.new`, `${JSON.stringify(all, null, 1)}\n`);
      await rename(`${path}.new`, path);
    },
  };
}
