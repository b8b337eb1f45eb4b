/** What a pretraining run leaves in its folder as it goes: probes, checkpoints and the report. One rank of a run writes. */
import { firstNonFinite, type StateValues } from "../runs/tensor_values.ts";
import { tf } from "../engine/backend.ts";
import { saveCheckpoint } from "../runs/checkpoint.ts";
import type { Cluster } from "../engine/collective.ts";
import type { RunConfig } from "../config.ts";
import type { Face } from "../input/data.ts";
import { OnlineProbe, type ProbeResult } from "./online_probe.ts";
import { writePretrainReport } from "./pretrain_report.ts";
import type { Progress } from "../runs/progress.ts";
import { logMetric, readMetrics, RunError } from "../runs/run_folder.ts";
import { type StepRunner, toTensors } from "../engine/state_values.ts";
import type { ViewBatch } from "../input/views.ts";

/** Faces of a run: those it learns from and those of other subjects that it is probed with. */
export interface PretrainData {
  /** Path of the manifest. */
  manifest: string;
  kept: readonly Face[];
  held: readonly Face[];
}

/** One run, new or to go on with. */
export interface PretrainRun {
  name: string;
  folder: string;
  /** Engine, version and device, for the report. */
  engine: string;
  config: RunConfig & { skipBroken: boolean };
  data: PretrainData;
  resumes: boolean;
  eager: boolean;
  /** The ranks that share every step; absent where this process is alone. */
  cluster?: Cluster;
}

/** Where a run stands; with the config, everything but the tensors that its next step depends on. */
export interface PretrainPosition {
  /** Steps done. */
  step: number;
  /** Processes that shared each step; absent, as in older files, for one. With others, sums round differently. */
  ranks?: number;
  /** SHA-256 of the manifest and of which of its faces are used: other faces would make another run. */
  facesSha256: string;
  /** What the method's clock remembers: of queues, write positions and fill counts. */
  [clock: string]: unknown;
}

/** The record of one run. Close it, or its workers keep the program alive. */
export class PretrainRecord implements Disposable {
  readonly #probe: OnlineProbe;

  constructor(
    readonly run: PretrainRun,
    readonly steps: number,
    readonly runner: StepRunner,
    readonly progress: Progress,
  ) {
    const { data, config } = run;
    this.#probe = new OnlineProbe(data.kept, data.held, { ...config, size: config.imageSize });
  }

  /** Pictures that the probes could not read. */
  get skipped(): readonly string[] {
    return this.#probe.skipped;
  }

  /** Probes the encoder after `step` steps, the last of them on `batch`, and writes the report. */
  async evaluate(step: number, batch?: ViewBatch): Promise<void> {
    const { folder, config, data } = this.run;
    const probe = await probeEncoder(
      this.#probe,
      await this.#readSound(step, batch, "weights", "statistics"),
      config,
    );
    const { knnEmotionAccuracy, probeF1, probeAuc } = probe;
    logMetric(folder, { type: "evaluation", step, knnEmotionAccuracy, probeF1, probeAuc });
    const measures = Object.entries({
      "emotion kNN": knnEmotionAccuracy,
      "probe F1": probeF1,
      AUC: probeAuc,
    });
    const said = measures.filter(([, value]) => !Number.isNaN(value))
      .map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ");
    this.progress.print(`step ${step}: ${said || "no label to probe with"} (held-back subjects)`);
    const metrics = readMetrics(folder);
    await writePretrainReport(folder, { ...this.run, steps: this.steps, metrics, kept: data.kept, probe });
  }

  /** Writes a checkpoint. */
  async save(position: PretrainPosition, batch: ViewBatch): Promise<void> {
    const { folder, config, data } = this.run;
    saveCheckpoint(folder, {
      state: await this.#readSound(position.step, batch),
      config,
      position,
      subjects: {
        pretraining: [...new Set(data.kept.map((face) => face.subject))].sort(),
        actionUnits: [],
      },
    });
  }

  [Symbol.dispose](): void {
    this.#probe[Symbol.dispose]();
  }

  /** State, or groups of it, that must not leave the loop when the last update has ruined them. */
  async #readSound(step: number, batch: ViewBatch | undefined, ...groups: string[]): Promise<StateValues> {
    const state = await this.runner.readState(...groups);
    const ruined = firstNonFinite(state);
    if (ruined === undefined) return state;
    const what = `After step ${step}, ${ruined} holds numbers that are not finite.`;
    throw notFinite(what, batch, this.run.data.kept);
  }
}

/** The error of a step that has left what is no number. */
export function notFinite(what: string, batch: ViewBatch | undefined, faces: readonly Face[]): RunError {
  const names = Array.from(
    batch?.indices ?? [],
    (index) => `${faces[index].image} (line ${faces[index].line})`,
  );
  return new RunError(
    `${what} The last checkpoint is kept; lower baseLearningRate or look at this batch:\n  ${
      names.join("\n  ")
    }`,
  );
}

async function probeEncoder(
  probe: OnlineProbe,
  state: StateValues,
  architecture: RunConfig,
): Promise<ProbeResult> {
  const tensors = toTensors(state);
  const result = await probe.run({ architecture, weights: tensors.weights, statistics: tensors.statistics });
  for (const group of Object.values(tensors)) tf.dispose(group);
  return result;
}
