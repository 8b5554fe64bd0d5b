/** URL prefix under which the dev server serves the folder of real data beside the checkout. */
export const SHARED_DATA_URL = "/@shared-data";

/** Say this when a test leaves out its part because the folder is absent. */
export const NO_SHARED_DATA =
  "no real data beside the checkout (../shared/data/mnist, or the folder WGFIT_DATA names)";

/**
 * Bytes of a file of real data, in a gpu test (it runs in the browser).
 *
 *     const images = await sharedData("digits-images-idx3-ubyte.gz");
 *     if (!images) return skip(NO_SHARED_DATA);      // skip from the test's context
 *
 * Returns null where the file does not exist.
 */
export async function sharedData(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const response = await fetch(`${SHARED_DATA_URL}/${encodeURIComponent(name)}`);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`sharedData: ${name}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
