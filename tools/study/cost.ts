/** What the network of a finished run is made of. */
import { join } from "node:path";
import { planDetector } from "../../train/detectors/detector_step.ts";
import { detectorOf } from "../../train/detectors/index.ts";
import { dense } from "../../train/detectors/layers.ts";
import { countParameters, planOf } from "../../train/detectors/plan.ts";
import { trunk } from "../../train/detectors/trunk.ts";
import { RUNS } from "../../train/runs/run_folder.ts";
import { detectorModel } from "../../train/units/detector_model.ts";
import { finetuning } from "../../train/units/finetune_config.ts";
import type { SavedFinetuneConfig } from "../../train/units/saved_config.ts";

/** Weights, and multiply-adds a face, forward, of a run's detector or of its encoder with one layer. */
export function costOf(run: string): { parameters: number; multiplyAdds: number } {
  const saved = JSON.parse(Deno.readTextFileSync(join(RUNS, run, "config.json"))) as SavedFinetuneConfig;
  const { architecture, imageSize, aus } = saved;
  const detector = detectorModel({ ...finetuning, ...saved }, saved, aus);
  const plan = detector ? planDetector(detectorOf(detector.name), detector.shape) : planOf((l) => {
    const { pooled } = trunk(l, [imageSize, imageSize, 3], architecture);
    return dense(l, pooled, "au", aus.length);
  });
  return { parameters: countParameters(plan), multiplyAdds: plan.multiplyAdds };
}
