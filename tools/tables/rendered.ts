/** Every system that the paper's tables name, as `deno task study` has measured it on rendered faces. */
import { mean } from "../../train/scores/metrics.ts";
import { COMMITTED_RESULTS, readResults, type StudyResults } from "../study/results.ts";
import type { StudyResult } from "../study/run.ts";
import type { Row, Table } from "./rows.ts";

/** The paper's supervised detectors by their names in the study; its ResNet-50 is our ResNet-18. */
const SUPERVISED = [
  "AlexNet",
  "ResNet-18",
  "DRML",
  "after EAC-Net",
  "JAA-Net",
  "after DSIN",
  "after SRERL",
];
/** The self-supervised ones; TCAE is not in the paper, and stands in for the TAE that is. */
const PRETRAINED = ["MoCo", "FAb-Net", "TAE", "TCAE", "Temporal Ranking", "EmoCo"];

/** Parts of the study that know them, the first that has a row gives it. */
const PARTS = ["detectors", "table4", "rivals", "rivals-clips"];

/** The table, from the results in a folder; rows that nobody has measured are blank. */
export function renderedTable(folder = COMMITTED_RESULTS): Table {
  const parts = PARTS.flatMap((name) => {
    const results = readResults(folder, name);
    return results ? [{ name, results }] : [];
  });
  const units = parts.flatMap(({ results }) => results.runs.flatMap((run) => run.units.map(({ au }) => au)));
  const aus = [...new Set(units)].sort((one, other) => one - other);
  const row = (method: string, protocol: Row["protocol"]): Row => {
    const wanted = protocol === "supervised" ? "finetune" : protocol;
    for (const { name, results } of parts) {
      if ((protocol === "supervised") !== (name === "detectors")) continue;
      const runs = results.runs.filter((run) => run.row === method && run.protocol === wanted);
      if (runs.length) {
        return { method, protocol, ...measured(aus, runs), origin: originOf(name, results, runs) };
      }
    }
    const blank = {
      f1: aus.map(() => undefined),
      average: undefined,
      notes: method === "TAE" ? [NO_TAE] : [],
    };
    return { method, protocol, status: "measured", origin: "", ...blank };
  };
  return {
    set: "rendered",
    name: "the rendered faces that come with EmoCo",
    table: "of the study",
    aus,
    rows: [
      ...SUPERVISED.map((method) => row(method, "supervised")),
      ...PRETRAINED.flatMap((method) => [row(method, "linear"), row(method, "finetune")]),
    ],
  };
}

const NO_TAE = {
  cell: "method",
  text:
    "We could get neither its text nor its code, and do not guess at it; TCAE is its authors' earlier method.",
  source: "Li, Zeng and Shan, TPAMI 2020",
} as const;

/** Means over seeds, in per cent. */
function measured(aus: readonly number[], runs: readonly StudyResult[]) {
  const percent = (values: readonly (number | null | undefined)[]) => {
    const known = values.filter((value): value is number =>
      typeof value === "number" && !Number.isNaN(value)
    );
    return known.length ? 100 * mean(known) : undefined;
  };
  return {
    status: "measured" as const,
    f1: aus.map((au) => percent(runs.map(({ units }) => units.find((unit) => unit.au === au)?.f1))),
    average: percent(runs.map(({ f1 }) => f1)),
    notes: [],
  };
}

function originOf(part: string, { setting }: StudyResults, runs: readonly StudyResult[]): string {
  const [{ protocol }] = runs, { epochs, finetuneEpochs } = setting;
  const trained = part === "detectors"
    ? `${finetuneEpochs} epochs from random weights`
    : `pretrained for ${epochs} epochs${protocol === "finetune" ? `, finetuned for ${finetuneEpochs}` : ""}`;
  return `${trained}, seeds: ${runs.length}`;
}
