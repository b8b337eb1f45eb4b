/**
 * Self-training of a finished model on faces that nobody has labelled: a mean teacher (Tarvainen & Valpola 2017) reads plain
 * faces, the student learns its soft answers on views that are harder, and the student's moving average is the next round's
 * teacher and the model in the end. Labelled faces may be rehearsed beside. Resumable at any step.
 */
import { join } from "node:path";
import { tf } from "../engine/backend.ts";
import type { FeedValues, StepRunner } from "../engine/state_values.ts";
import { openStepRunner } from "../engine/step_runner.ts";
import type { Face } from "../input/data.ts";
import type { ViewLoader } from "../input/views.ts";
import { mapWeights } from "../nets/optimizer.ts";
import { featureCount, type Weights } from "../nets/resnet.ts";
import { hasCheckpoint, loadCheckpoint, saveCheckpoint } from "../runs/checkpoint.ts";
import { Interrupt } from "../runs/interrupt.ts";
import { Progress } from "../runs/progress.ts";
import { cutMetrics, logMetric, refuseChanges, RunError } from "../runs/run_folder.ts";
import { firstNonFinite, type StateValues } from "../runs/tensor_values.ts";
import { type Adaptation, planRounds, walkOverBoth, withRehearsed } from "./adaptation_plan.ts";
import {
  type AuFeeds,
  type AuMethod,
  type AuModel,
  type AuState,
  disposeModel,
  finetuneStep,
  initAuState,
} from "./au_model.ts";
import { headFeeds, unitFeeds } from "./finetune_feeds.ts";
import { modelOfState } from "./model_state.ts";
import { type Answers, answersOfState, answersToState, teach } from "./teacher.ts";

/** State of an adaptation: the student's, and its moving average. */
export type AdaptState = AuState & { average: Weights; averageStatistics: Weights };

/** A student's step, after which its average follows. */
export function adaptStep(
  { average, averageStatistics, ...student }: AdaptState,
  feeds: AuFeeds,
  method: AuMethod & { averageMomentum: number },
): { state: AdaptState; losses: ReturnType<typeof finetuneStep>["losses"] } {
  const { state, losses } = finetuneStep(student, feeds, method);
  const { averageMomentum: kept } = method;
  const follow = (old: Weights, now: Weights) =>
    mapWeights(old, (value, name) => tf.add(tf.mul(value, kept), tf.mul(now[name], 1 - kept)));
  return {
    state: {
      ...state,
      average: follow(average, state.weights),
      averageStatistics: follow(averageStatistics, state.statistics),
    },
    losses,
  };
}

/**
 * Adapts the model.
 * @param faces of the loader, for messages
 * @param onRound told of the average after each round, which it must not keep
 * @returns the average; undefined when Ctrl-C stopped it, after saving
 * @throws {RunError} a loss or weights that are not finite
 */
export async function adaptByTeacher(
  run: Adaptation,
  loader: ViewLoader,
  faces: readonly Face[],
  onRound: (round: number, step: number, average: AuModel) => Promise<void>,
): Promise<AuModel | undefined> {
  const { config, folder, model, weights } = run;
  const { perRound, fresh } = planRounds(run);
  const steps = config.rounds * perRound, walk = walkOverBoth(run, fresh);
  const method = { ...weights, ...model.backbone.architecture, ...config };
  const runner = openStepRunner(
    (state: AdaptState, feeds: AuFeeds) => adaptStep(state, feeds, method),
    startState(model),
    { eager: run.eager, precision: config.precision },
  );
  let step = run.resumes ? await resume(run, runner) : 0;
  const ones = new Float32Array(model.aus.length).fill(1);
  const progress = new Progress(steps);
  using interrupt = new Interrupt();
  while (step < steps) {
    const round = Math.floor(step / perRound);
    const { rows, known } = withRehearsed(await answersOf(round, run, runner, loader, progress), run);
    const what = `round ${round + 1}/${config.rounds}`;
    const batches = loader.randomViews(walk, step, (round + 1) * perRound, { kind: "single" });
    for await (const batch of batches) {
      // A labelled picture that another one stands in for (`skipBroken`) has not that one's labels.
      const shares = Array.from(
        batch.indices,
        (i) => i >= run.unlabelled && loader.skipped.has(i) ? rows[i].map(() => undefined) : rows[i],
      );
      const feeds = {
        ...unitFeeds(batch.viewQ, shares, ones, config, step, steps),
        ...headFeeds(known, batch),
      } as FeedValues<keyof AuFeeds>;
      const { loss: [loss], ...others } = await runner.run(feeds);
      step++;
      if (!Number.isFinite(loss)) {
        const names = Array.from(batch.indices, (i) => `${faces[i].image} (line ${faces[i].line})`);
        throw new RunError(
          `The loss of step ${step} is ${loss}. The last checkpoint is kept; lower learningRate or look at this batch:\n  ` +
            names.join("\n  "),
        );
      }
      const isLogged = step % config.logEvery === 0 || step === steps;
      progress.show(step, `${what}  step ${step}/${steps}  loss ${loss.toFixed(3)}`, isLogged);
      if (isLogged) {
        const parts = Object.fromEntries(Object.entries(others).map(([name, [value]]) => [name, value]));
        logMetric(folder, { type: "step", step, round, loss, ...parts });
      }
      const endsRound = step % perRound === 0;
      if (endsRound) {
        const average = await averageOf(runner, run);
        await onRound(round + 1, step, average);
        disposeModel(average);
      }
      if (step < steps && (step % config.checkpointEvery === 0 || endsRound || interrupt.asked)) {
        await save(run, runner, step);
      }
      if (interrupt.asked && step < steps) {
        progress.print(`Stopped and saved. Go on with: deno task adapt --resume --name=${run.name}`);
        runner.dispose();
        return undefined;
      }
    }
  }
  progress.end();
  const average = await averageOf(runner, run);
  runner.dispose();
  return average;
}

/** Student and average as the model is. */
function startState(model: AuModel): AdaptState {
  const clone = (group: Weights = {}) => mapWeights(group, (tensor) => tf.clone(tensor));
  const { architecture, weights, statistics } = model.backbone;
  const state = initAuState(
    { weights: clone(weights), statistics: clone(statistics) },
    featureCount(architecture),
    model.aus.length,
    model.classifier,
    clone({ ...model.emotionHead, ...model.heads }),
  );
  return { ...state, average: clone(state.weights), averageStatistics: clone(state.statistics) };
}

/** What the teacher of a round says: as it was kept, or asked now, at the round's first step. */
async function answersOf(
  round: number,
  run: Adaptation,
  runner: StepRunner,
  loader: ViewLoader,
  progress: Progress,
): Promise<Answers> {
  const folder = join(run.folder, ANSWERS);
  if (run.resumes && hasCheckpoint(folder)) {
    const { state, position } = loadCheckpoint<{ round: number }>(folder);
    if (position.round === round) return answersOfState(state);
  }
  const teacher = round === 0 ? run.model : await averageOf(runner, run);
  const indices = Int32Array.from({ length: run.unlabelled }, (_, i) => i);
  const reading = new Progress(run.unlabelled);
  const answers = await teach(
    teacher,
    loader,
    indices,
    (done) => reading.show(done, `teacher of round ${round + 1}  ${done}/${run.unlabelled} faces`),
  );
  reading.end();
  if (teacher !== run.model) {
    disposeModel(teacher);
  }
  Deno.mkdirSync(folder, { recursive: true });
  saveCheckpoint(folder, {
    state: answersToState(answers),
    config: {},
    position: { round },
    subjects: run.subjects,
  });
  progress.end();
  return answers;
}

/** The average as a model; its tensors are the caller's. @throws {RunError} numbers that are not finite */
async function averageOf(runner: StepRunner, { model }: Adaptation): Promise<AuModel> {
  const state = refuseRuined(await runner.readState("average", "averageStatistics"));
  return modelOfState({ weights: state.average, statistics: state.averageStatistics }, {
    architecture: model.backbone.architecture,
    aus: model.aus,
    hasEmotions: model.emotionHead !== undefined,
    parts: model.parts,
  });
}

async function resume({ folder, config }: Adaptation, runner: StepRunner): Promise<number> {
  if (!hasCheckpoint(folder)) {
    console.log(`${folder} has no checkpoint yet: starting at step 0.`);
    cutMetrics(folder, 0);
    return 0;
  }
  const { state, position, config: saved } = loadCheckpoint<{ step: number }>(folder);
  refuseChanges(saved, config, "the checkpoint was written with");
  await runner.writeState(state);
  cutMetrics(folder, position.step);
  console.log(`Going on after step ${position.step}.`);
  return position.step;
}

async function save(
  { folder, config, subjects }: Adaptation,
  runner: StepRunner,
  step: number,
): Promise<void> {
  saveCheckpoint(folder, {
    state: refuseRuined(await runner.readState()),
    config,
    position: { step },
    subjects,
  });
}

function refuseRuined(state: StateValues): StateValues {
  const ruined = firstNonFinite(state);
  if (!ruined) return state;
  throw new RunError(
    `${ruined} holds numbers that are not finite. The last checkpoint is kept; lower learningRate.`,
  );
}

/** Folder of the teacher's answers inside the run's, removed when the run is complete. */
export const ANSWERS = "answers";
