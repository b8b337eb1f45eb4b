/** An action-unit model taken out of the state of a training step, in which all its layers stand side by side. */
import { toTensors } from "../engine/state_values.ts";
import type { StateValues } from "../runs/tensor_values.ts";
import type { AuModel } from "./au_model.ts";
import { isEmotionHead, isFaceHead } from "./face_heads.ts";

/**
 * The model; its tensors are the caller's.
 * @param weights of backbone, heads and classifier (`au.weight`, `au.bias`)
 */
export function modelOfState(
  { weights, statistics }: { weights: StateValues[string]; statistics: StateValues[string] },
  { architecture, aus, hasEmotions, parts }: {
    architecture: AuModel["backbone"]["architecture"];
    aus: readonly number[];
    hasEmotions: boolean;
    parts: AuModel["parts"];
  },
): AuModel {
  const { "au.weight": weight, "au.bias": bias, ...others } = weights;
  const part = (chosen: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(others).filter(([name]) => chosen(name)));
  const { backbone, emotion, heads, statistics: running } = toTensors({
    backbone: part((name) => !isEmotionHead(name) && !isFaceHead(name)),
    emotion: hasEmotions ? part(isEmotionHead) : {},
    heads: part(isFaceHead),
    statistics,
  });
  return {
    backbone: { architecture, weights: backbone, statistics: running },
    classifier: {
      weight: weight.values as Float32Array<ArrayBuffer>,
      bias: bias.values as Float32Array<ArrayBuffer>,
    },
    aus,
    emotionHead: hasEmotions ? emotion : undefined,
    heads: Object.keys(heads).length ? heads : undefined,
    parts,
  };
}
