/** What a step can compute in. Apart from `precision.ts`, which brings TensorFlow, for those that read settings only. */

/** bfloat16 has float32's range and 8 bits of fraction. */
export const PRECISIONS = ["float32", "bfloat16"] as const;
/** What a step's convolutions and matrix products compute in; its state, losses and updates are float32 in any case. */
export type Precision = typeof PRECISIONS[number];
