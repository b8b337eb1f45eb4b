/** Action-unit training: every fold of the protocol, then the model that is kept, fitted on all faces. */
import { finetuneFits } from "./finetune_fits.ts";
import { type FinetuneRun, type Fits, viewOptions } from "./finetune_run.ts";
import { FoldBook, type FoldResult } from "./fold_book.ts";
import { linearFits } from "./linear_fits.ts";
import { ViewLoader } from "../input/views.ts";

/** Cross-validates, and fits the model that is kept where the run wants one. */
export async function trainUnits(run: FinetuneRun): Promise<Fits & { folds: FoldResult[] }> {
  const { config, faces, source } = run;
  using loader = new ViewLoader(faces, viewOptions(config, source.imageSize));
  const book = new FoldBook(run.folder, run.aus, run.resumes);
  const fits = config.protocol === "linear" ? linearFits(run, loader, book) : finetuneFits(run, loader, book);
  const { finished, model } = await fits;
  if (finished && loader.skipped.size) {
    console.log(
      `${loader.skipped.size} pictures could not be decoded; nothing was learnt from them or tested on them.`,
    );
  }
  // After finetuning without it the backbone is no longer the one that the emotion classifier knows.
  const emotionHead = config.protocol === "linear" ? source.emotionHead : model?.emotionHead;
  return { finished, model: model && { ...model, emotionHead }, folds: book.results };
}
