import { createHash } from "node:crypto";
import { basename } from "node:path";
import { zipSync } from "fflate";
import type { Engine } from "../../../tools/setup/wheels.ts";

export const LIBRARY = "tensorflow/libtensorflow_cc.so.2";
export const HEADER = "tensorflow/include/tensorflow/c/c_api.h";

/** A small wheel in place of TensorFlow's, with a file that set-up has no use for. */
export async function writeWheel(path: string): Promise<Engine> {
  const library = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
  const wheel = zipSync({
    [LIBRARY]: library,
    [HEADER]: new TextEncoder().encode("#define TF 1\n"),
    "tensorflow/python/large.so": new Uint8Array(1000),
  });
  await Deno.writeFile(path, wheel);
  const sha256 = createHash("sha256").update(wheel).digest("hex");
  const prefixes = [LIBRARY, "tensorflow/include/tensorflow/c/"];
  const [name, version] = ["tensorflow-cpu", "2.21.0"];
  const file = basename(path);
  return {
    name: "cpu",
    bytes: 1e6,
    wheels: [{ name, version, file, bytes: wheel.length, sha256, prefixes }],
  };
}

/** Tells whether nothing stands at `path`. */
export async function missing(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, () => true);
}
