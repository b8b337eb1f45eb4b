/** The parts of the study, in the order in which they are run and drawn. */
import { detectors } from "./detectors.ts";
import { fig4 } from "./fig4.ts";
import { fig5 } from "./fig5.ts";
import type { Part } from "./part.ts";
import { photographs } from "./photographs.ts";
import { rivals } from "./rivals.ts";
import { table4 } from "./table4.ts";

export const PARTS: readonly Part[] = [table4, fig4, fig5, rivals, detectors, photographs];

/** Parts that need nothing beside the faces: what `deno task study` without `--only` runs. */
export const BY_DEFAULT = ["table4", "fig4", "fig5", "rivals"];
