/**
 * From a picture that was made smaller back to the one in the file.
 * @module
 */
import type { DecodedPicture } from "@emoco/serve/decode";
import type { DetectedFace, Detection } from "@emoco/web/detector";
import type { Point } from "@emoco/web/image";

/** What was found, in pixels of the picture as its file has it. */
export function inOriginal(detection: Detection, { width, height, original }: DecodedPicture): Detection {
  if (!original) return detection;
  const x = original.width / width, y = original.height / height;
  const at = ([px, py]: Point): Point => [px * x, py * y];
  const faces = detection.faces.map(({ box, points, points68, ...face }): DetectedFace => ({
    box: { x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y },
    points: {
      leftEye: at(points.leftEye),
      rightEye: at(points.rightEye),
      nose: at(points.nose),
      mouth: at(points.mouth),
    },
    ...points68 && { points68: points68.map(at) },
    ...face,
  }));
  return { ...detection, ...original, faces };
}
