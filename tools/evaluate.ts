/**
 * `deno task evaluate`: tests a finished model. With `--photos=DIR` on photographs, through find, align and run, as the
 * product does it; with `--films=DIR` on films; else on aligned faces through the training code, which knows no finder and no onnxruntime.
 * @module
 */
import { runProgram } from "../train/runs/flags.ts";
import { evaluateOnFilms, FILM_FLAGS } from "./films/figures/evaluate_films.ts";
import { evaluateOnPhotos, PHOTO_FLAGS } from "./photos/evaluate_photos.ts";

const isAsked = (flag: string) => Deno.args.some((word) => word === flag || word.startsWith(`${flag}=`));

if (isAsked("--films")) {
  await runProgram({
    summary: "deno task evaluate --films=DIR: test a model on films, followed and frame by frame.",
    flags: FILM_FLAGS,
  }, async (flags) => void await evaluateOnFilms(flags));
} else if (isAsked("--photos")) {
  await runProgram({
    summary: "deno task evaluate --photos=DIR: test models on photographs, through find, align and run.",
    flags: PHOTO_FLAGS,
  }, async (flags) => void await evaluateOnPhotos(flags));
} else {
  // TensorFlow is loaded for it alone.
  const { evaluateOnFaces, FACE_FLAGS } = await import("./evaluate/aligned_faces.ts");
  await runProgram({
    summary: "deno task evaluate: test an action-unit model on people it has never seen.\n" +
      "With --photos=DIR or --films=DIR: on photographs or films, through find, align and run; add --help for its options.",
    flags: FACE_FLAGS,
  }, evaluateOnFaces);
}
