/**
 * EmoCo: the action units of every face in a picture, the same in browsers, on servers and at the edge.
 *
 * ```ts
 * import { AuDetector, BlazeFace } from "./mod.ts";
 * import { openDecoder } from "@emoco/serve/decode";
 * import * as ort from "npm:onnxruntime-web@1.30.0"; // or onnxruntime-node, or onnxruntime-web/webgpu
 *
 * const read = (path: string) => Deno.readFile(new URL(path, import.meta.url));
 * const finder = await BlazeFace.load({ model: await read("web/model/blazeface.onnx"), ort });
 * const detector = await AuDetector.load({
 *   model: await read("web/model/emoco.onnx"),
 *   card: await read("web/model/emoco.json"),
 *   finder,
 *   ort,
 * });
 *
 * const decoder = await openDecoder(); // in a browser, an ImageData is what detect() takes
 * const { faces } = await detector.detect(await decoder.decode(await read("tests/fixtures/astronaut.jpg")));
 * for (const { au, name, probability } of faces[0].aus.filter(({ present }) => present)) {
 *   console.log(`AU${au} ${name} ${probability.toFixed(2)}`);
 * }
 * ```
 *
 * @module
 */
export { AuDetector, type DetectedFace, type DetectedUnit, type Detection } from "@emoco/web/detector";
export { BlazeFace, type FaceFinder, type FoundFace } from "@emoco/web/face-finder";
export { ACTION_UNITS, type ActionUnit, actionUnit, type Emotion, EMOTIONS } from "@emoco/web/facs";
export { alignmentTransform, cropFace, type FacePoints, type Pixels, type Point } from "@emoco/web/image";
export type { OrtLike } from "@emoco/web/inference";
export { type ModelCard, parseModelCard } from "@emoco/web/model-card";
