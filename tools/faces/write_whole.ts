/** Writes a file whole or not at all. */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const part = `${path}.part`;
  await Deno.writeFile(part, typeof content === "string" ? new TextEncoder().encode(content) : content);
  await Deno.rename(part, path);
}
