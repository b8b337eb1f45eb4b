/**
 * Files for the user, made and kept on the device.
 * @module
 */

/** Hands a file to the browser's downloads. */
export function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the download has begun by then
}

/** A file name for what was measured in a source. */
export function nameFor(source: string, ending: string): string {
  const stem = source.replace(/\.[^.]+$/, "").replaceAll(/[^\p{L}\p{N}_-]+/gu, "-").replaceAll(
    /^-+|-+$/g,
    "",
  );
  return `emoco-${stem || "picture"}${ending}`;
}
