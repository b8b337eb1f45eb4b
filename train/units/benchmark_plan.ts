/** What `deno task benchmark --all` runs, as the flags of one benchmark each. */
import { detectorOf } from "../detectors/index.ts";
import { DETECTOR_NAMES } from "../detectors/names.ts";

/**
 * Every supervised detector, then every pretrained run by both protocols.
 * @param from where detectors on our residual network start; random weights unless given
 */
export function planBenchmarks(
  from: string | undefined,
  pretrained: readonly string[],
): { from: string; detector?: string; protocol?: string }[] {
  return [
    ...DETECTOR_NAMES.map((detector) => ({
      from: detectorOf(detector).hasTrunk ? from ?? "random" : "random",
      detector,
    })),
    ...pretrained.flatMap((run) => ["linear", "finetune"].map((protocol) => ({ from: run, protocol }))),
  ];
}
