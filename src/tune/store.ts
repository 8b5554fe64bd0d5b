/** What was found for one node on one adapter. */
export interface StoredChoice {
  readonly name: string;
  /** Units  milliseconds, of the default and of the choice, when they were measured. */
  readonly defaultMs: number;
  readonly ms: number;
}

/** Choices of one adapter, by entry. */
export type StoredChoices = Readonly<Record<string, StoredChoice>>;

/** Where choices outlive a page or a process. A store that fails is as good as an empty one: nothing depends on it. */
export interface ChoiceStore {
  load(adapter: string): Promise<StoredChoices>;
  /** Adds to what is known of the adapter. */
  save(adapter: string, choices: StoredChoices): Promise<void>;
}

/** A store that lasts as long as the program. */
export function memoryStore(): ChoiceStore {
  const known = new Map<string, StoredChoices>();
  return {
    load: async (adapter) => known.get(adapter) ?? {},
    save: async (adapter, choices) => {
      known.set(adapter, { ...known.get(adapter), ...choices });
    },
  };
}

const DATABASE = "wgfit";
const TABLE = "choices";

/** A store in the browser's IndexedDB, shared by all pages and workers of an origin. */
export function browserStore(): ChoiceStore {
  return {
    load: (adapter) =>
      transact("readonly", async (table) => ((await settled(table.get(adapter))) as StoredChoices) ?? {}),
    save: (adapter, choices) =>
      transact("readwrite", async (table) => {
        const known = (await settled(table.get(adapter))) as StoredChoices | undefined;
        await settled(table.put({ ...known, ...choices }, adapter));
      }),
  };
}

/** IndexedDB where there is one, else memory. */
export function defaultStore(): ChoiceStore {
  return typeof indexedDB === "undefined" ? memoryStore() : browserStore();
}

async function transact<T>(
  mode: IDBTransactionMode,
  body: (table: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
  const database = await settled(opening);
  try {
    return await body(database.transaction(TABLE, mode).objectStore(TABLE));
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
