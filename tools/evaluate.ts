/**
 * `deno task evaluate`: tests a finished model. With `--photos=DIR` on photographs, through find, align and run, as the
 * product does it; else on aligned faces through the training code, which knows no finder and no onnxruntime.
 * @module
 */
import { runProgram } from "../train/runs/flags.ts";
import { evaluateOnPhotos, PHOTO_FLAGS } from "./photos/evaluate_photos.ts";

if (Deno.args.some((word) => word === "--photos" || word.startsWith("--photos="))) {
  await runProgram({
    summary: "deno task evaluate --photos=DIR: test models on photographs, through find, align and run.",
    flags: PHOTO_FLAGS,
  }, async (flags) => void await evaluateOnPhotos(flags));
} else {
  // TensorFlow is loaded for it alone.
  const { evaluateOnFaces, FACE_FLAGS } = await import("./evaluate/aligned_faces.ts");
  await runProgram({
    summary: "deno task evaluate: test an action-unit model on people it has never seen.\n" +
      "With --photos=DIR: on photographs, through find, align and run; its options: --photos=DIR --help.",
    flags: FACE_FLAGS,
  }, evaluateOnFaces);
}
