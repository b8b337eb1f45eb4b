/** `deno task bench step`: the EmoCo step beside the same in PyTorch, in alternating rounds. */
import type { Precision } from "../../train/engine/precisions.ts";
import { fileURLToPath } from "node:url";
import { type FlagList, UsageError, wholeNumber } from "../../train/runs/flags.ts";
import { readPart } from "../files/named_parts.ts";
import { Contender, type Round } from "./contender.ts";
import { pythonWithTorch } from "./python.ts";
import { STEP_CASES, type StepCase } from "./step_case.ts";
import { median } from "../median.ts";

const FLAGS: FlagList = {
  case: {
    kind: "text",
    help: `one of ${Object.keys(STEP_CASES).join(", ")} instead of all; or cost: a step against its sizes`,
  },
  rounds: { kind: "text", help: "alternating rounds (7)" },
  python: { kind: "text", help: "a Python with torch and torchvision, instead of making one" },
  compile: { kind: "text", help: "PyTorch with torch.compile: yes, no, or best, the faster one (best)" },
  xla: { kind: "switch", help: "our graph compiled by XLA" },
  bfloat16: { kind: "switch", help: "also our step by --precision=bfloat16" },
  skipEager: { kind: "switch", help: "leave out our own eager step, which takes most of the time" },
  profile: { kind: "switch", help: "where the time goes, by operation; nothing is compared" },
  help: { kind: "switch", help: "this" },
};

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const flags = readPart("deno task bench step: a training step beside PyTorch's.", FLAGS, args);
  if (!flags) return;
  const { text, switches } = flags;
  const rounds = wholeNumber("rounds", text.rounds ?? "7");
  if (text.case !== undefined && text.case !== "cost" && !Object.hasOwn(STEP_CASES, text.case)) {
    throw new UsageError(`--case=${text.case}: cases are ${Object.keys(STEP_CASES).join(", ")}, cost.`);
  }
  if (!["yes", "no", "best"].includes(text.compile ?? "best")) {
    throw new UsageError(`--compile=${text.compile}: it can be yes, no or best.`);
  }
  if (text.case === "cost") {
    const { costOfStep } = await import("./step_cost.ts");
    return await costOfStep();
  }
  const cases = text.case ? [text.case] : Object.keys(STEP_CASES);
  if (switches.has("profile")) {
    const { profileStep } = await import("./step_profile.ts");
    for (const name of cases) await profileStep(name, STEP_CASES[name]);
    return;
  }
  const python = await pythonWithTorch(text.python, console.log);
  const ratios: string[] = [];
  for (const name of cases) {
    const options = {
      rounds,
      python,
      compile: text.compile ?? "best",
      xla: switches.has("xla"),
      eager: !switches.has("skipEager"),
      bfloat16: switches.has("bfloat16"),
    };
    ratios.push(...await compare(name, STEP_CASES[name], options));
  }
  console.log(`\n${ratios.join("\n")}`);
}

/** Measures one case; gives back its lines of ratios. */
async function compare(
  name: string,
  settings: StepCase,
  { rounds, python, compile, xla, eager, bfloat16 }: {
    rounds: number;
    python: string;
    compile: string;
    xla: boolean;
    eager: boolean;
    bfloat16: boolean;
  },
): Promise<string[]> {
  const { backbone, imageSize, batchSize, queueSize, steps } = settings;
  const threads = navigator.hardwareConcurrency;
  console.log(
    `\n${backbone}, ${imageSize} px, batch ${batchSize}, ${queueSize} keys an emotion, ${threads} threads each`,
  );
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  const ours = (way: { eager?: boolean; xla?: boolean; precision?: Precision }) => {
    const permissions = ["read", "write", "ffi", "env", "sys"].map((each) => `--allow-${each}`);
    const settingsJson = JSON.stringify({ ...settings, ...way });
    return ["run", "--quiet", ...permissions, path("./step_worker.ts"), settingsJson, "--device=cpu"];
  };
  const peer = Object.entries({
    backbone,
    size: imageSize,
    batch: batchSize,
    slots: queueSize,
    threads,
    compile,
  })
    .flatMap(([key, value]) => [`--${key}`, `${value}`]);
  const contenders: Contender[] = [];
  try {
    const start = async (label: string, command: string, args: string[]) => {
      const contender = new Contender(label, command, args);
      contenders.push(contender);
      const greeting = await contender.greeting(); // one after another: warming up is computing, too
      console.log(
        `  ${label.padEnd(8)} ${greeting.engine}, ${greeting.parameters.toLocaleString("en")} parameters`,
      );
      return greeting;
    };
    const greetings = [
      await start("traced", Deno.execPath(), ours({ xla })),
      await start("pytorch", python, [path("../../tests/reference/step_bench.py"), ...peer]),
      ...eager ? [await start("eager", Deno.execPath(), ours({ eager }))] : [],
      ...bfloat16 ? [await start("bfloat16", Deno.execPath(), ours({ xla, precision: "bfloat16" }))] : [],
    ];
    if (new Set(greetings.map(({ parameters }) => parameters)).size !== 1) {
      throw new Error("The two sides do not train the same network: their numbers of parameters differ.");
    }
    const results: { [contender: string]: Round[] } = Object.fromEntries(
      contenders.map(({ name }) => [name, []]),
    );
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? contenders : contenders.toReversed();
      for (const contender of order) results[contender.name].push(await contender.round(steps));
      const speeds = contenders.map(({ name }) =>
        `${name} ${(batchSize * steps / results[name][round].seconds).toFixed(1)}`
      );
      console.log(`  round ${round + 1}  images/s  ${speeds.join("   ")}`);
    }
    for (const [label, list] of Object.entries(results)) {
      const speeds = list.map(({ seconds }) => batchSize * steps / seconds);
      const cpu = median(list.map(({ cpuSeconds }) => cpuSeconds / steps));
      const peak = Math.max(...list.map(({ peakBytes }) => peakBytes)) / 2 ** 20;
      console.log(
        `  ${label.padEnd(8)} median ${median(speeds).toFixed(1)} images/s (${
          Math.min(...speeds).toFixed(1)
        } to ` +
          `${Math.max(...speeds).toFixed(1)}), ${cpu.toFixed(2)} s of processor a step, peak memory ${
            peak.toFixed(0)
          } MB`,
      );
    }
    const ratio = (peer: string, of = "traced") =>
      median(results[of].map(({ seconds }, i) => results[peer][i].seconds / seconds)).toFixed(2);
    const lines = [`RATIO ${name} ${ratio("pytorch")}`];
    if (eager) lines.push(`RATIO ${name}-traced-over-eager ${ratio("eager")}`);
    if (bfloat16) lines.push(`RATIO ${name}-bfloat16-over-float32 ${ratio("traced", "bfloat16")}`);
    console.log(
      `  ratios by round: ${
        results.traced.map(({ seconds }, i) => (results.pytorch[i].seconds / seconds).toFixed(2)).join(" ")
      }`,
    );
    return lines;
  } finally {
    for (const contender of contenders) await contender.end();
  }
}
