/** What the server says of a picture: its own detector and decoder, with the committed model. */
import { openDecoder } from "@emoco/serve/decode";
import { BlazeFace } from "@emoco/web/face-finder";
import type { OrtLike } from "@emoco/web/inference";
import * as ort from "onnxruntime-node";
import { type Answer, LocalDetector } from "../../../serve/image_detector.ts";
import { projectFile } from "../../../tools/web/browser.ts";

/** The answer for one picture. */
export type Answers = Answer["images"][number];

/** Asks the server's detector. */
export async function askServer(picture: Uint8Array<ArrayBuffer>): Promise<Answers> {
  const read = (name: string) => Deno.readFile(projectFile(`web/model/${name}`));
  const runtime = ort as unknown as OrtLike;
  const detector = await LocalDetector.open({
    model: await read("emoco.onnx"),
    card: await read("emoco.json"),
    ort: runtime,
    engine: "native",
    decoder: await openDecoder(),
    finder: await BlazeFace.load({ model: await read("blazeface.onnx"), ort: runtime }),
  }, {});
  return (await detector.detect([picture])).images[0];
}
