/** Where an event file goes in a browser: pass `write` to TensorBoard. */
export interface EventSink {
  write(chunk: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** The file so far. */
  file(): Promise<Blob>;
}

/** Keeps the file in memory, to be saved as a download. */
export function blobSink(): EventSink {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: (chunk) => void chunks.push(chunk),
    file: async () => new Blob(chunks),
  };
}

/**
 * Appends to a file of the browser's private file system, which other pages of the same origin can read while training
 * goes on; it survives the page.
 */
export async function privateFileSink(name: string): Promise<EventSink> {
  const root = await globalThis.navigator.storage.getDirectory();
  const handle = await root.getFileHandle(name, { create: true });
  return {
    // What is written can be read only once the stream is closed.
    write: async (data) => {
      const { size } = await handle.getFile();
      const stream = await handle.createWritable({ keepExistingData: true });
      await stream.write({ type: "write", position: size, data });
      await stream.close();
    },
    file: () => handle.getFile(),
  };
}
