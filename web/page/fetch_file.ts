/**
 * Files of the page, fetched with progress and checked against the digest that the build noted.
 * @module
 */
import type { PageFile } from "./messages.ts";

/** The cache of models and engines, which stay when only the page's code changes. */
export const KEPT = "emoco-models";

/**
 * Fetches a file and keeps it for use without a network, where the browser lets it.
 * @param report told the bytes that have arrived
 * @throws {Error} with a sentence when the file is missing, cannot be reached or is not the one that was built
 */
export async function fetchFile(
  address: string,
  { bytes, sha256 }: PageFile,
  report: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = new URL(address).pathname.split("/").at(-1);
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new Error(`The file ${name} cannot be reached; check the connection and reload the page.`, {
      cause: error,
    });
  }
  if (!response.ok || !response.body) {
    throw new Error(
      `The file ${name} is missing from this site (status ${response.status}); whoever put the page here must ` +
        `copy the whole folder.`,
    );
  }
  const file = new Uint8Array(bytes);
  let at = 0;
  const reader = response.body.getReader(); // Safari does not iterate over streams
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (at + part.value.length <= bytes) file.set(part.value, at);
    at += part.value.length;
    report(Math.min(at, bytes));
  }
  if (at !== bytes || await digestOf(file) !== sha256) {
    throw new Error(
      `The file ${name} is not the one this page was built with: it was altered or damaged on its way. ` +
        `Reload the page; if that does not help, the copy on this site is broken.`,
    );
  }
  await keep(address, file);
  return file;
}

async function keep(address: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
  if (!("caches" in globalThis)) return; // a page that came over plain http
  try {
    const cache = await caches.open(KEPT);
    if (await cache.match(address)) return;
    const type = address.endsWith(".json") ? "application/json" : "application/octet-stream";
    await cache.put(address, new Response(file, { headers: { "Content-Type": type } }));
  } catch (error) {
    console.warn(`${address} is not kept for use without a network:`, error); // no room, or private browsing
  }
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
