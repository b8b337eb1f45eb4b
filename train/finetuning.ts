/** Action-unit training: every fold of the protocol, then the model that is kept, fitted on all faces. */
import type { AuModel } from "./au_model.ts";
import { finetuneFits } from "./finetune_fits.ts";
import { type FinetuneRun, viewOptions } from "./finetune_run.ts";
import { FoldBook, type FoldResult } from "./fold_book.ts";
import { subjectFolds } from "./folds.ts";
import { linearFits } from "./linear_fits.ts";
import { ViewLoader } from "./views.ts";

/** Cross-validates and fits; `undefined` when Ctrl-C stopped it after saving. */
export async function trainUnits(
  run: FinetuneRun,
): Promise<{ model: AuModel; folds: FoldResult[] } | undefined> {
  const { config, faces, source } = run;
  const folds = subjectFolds(faces, config.folds, config.seed);
  using loader = new ViewLoader(faces, viewOptions(config, source.imageSize));
  const book = new FoldBook(run.folder, run.aus, run.resumes);
  const fits = config.protocol === "linear"
    ? linearFits(run, folds, loader, book)
    : finetuneFits(run, folds, loader, book);
  const model = await fits;
  if (!model) return undefined;
  if (loader.skipped.size) {
    console.log(
      `${loader.skipped.size} pictures could not be decoded; nothing was learnt from them or tested on them.`,
    );
  }
  // After finetuning the backbone is no longer the one that the emotion classifier knows.
  return {
    model: config.protocol === "linear" ? { ...model, emotionHead: source.emotionHead } : model,
    folds: book.results,
  };
}
