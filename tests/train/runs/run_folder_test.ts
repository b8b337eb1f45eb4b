import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  createRun,
  cutMetrics,
  freeName,
  holdRun,
  listRuns,
  logMetric,
  readMetrics,
  refuseChanges,
  reopenRun,
  RunError,
} from "../../../train/runs/run_folder.ts";

describe("a run's folder", () => {
  const home = Deno.cwd();
  let folder: string;
  beforeEach(async () => {
    folder = await Deno.makeTempDir();
    Deno.chdir(folder);
  });
  afterEach(async () => {
    Deno.chdir(home);
    await Deno.remove(folder, { recursive: true });
  });
  const config = { program: "pretrain", seed: 0, cropScale: [0.2, 1] };

  it("takes the next free number, and holds its config from the first moment", () => {
    assertEquals(listRuns(() => true), []);
    assertEquals(freeName("quick"), "quick-1");
    assertEquals(createRun("quick-1", config), "runs/quick-1");
    assertEquals(freeName("quick"), "quick-2");
    assertEquals(JSON.parse(Deno.readTextFileSync("runs/quick-1/config.json")), config);
    // What a process leaves that was killed while it made the folder is no run, and is in nobody's way.
    Deno.mkdirSync("runs/.quick-2.starting");
    assertEquals(freeName("quick"), "quick-2");
    assertEquals(listRuns(() => true), ["quick-1"]);
    createRun("quick-2", config);
    assertEquals(listRuns(() => true).sort(), ["quick-1", "quick-2"]);
  });

  it("refuses a name that is taken or none", () => {
    createRun("mine", config);
    assertThrows(() => createRun("mine", config), RunError, "runs/mine exists. Go on with it by --resume");
    for (const name of ["..", ".hidden", "a/b", "", "a b", "-x"]) {
      assertThrows(() => createRun(name, config), RunError, "a run's name is made of letters");
    }
  });

  it("is gone on with under the same settings and by the same program only", () => {
    createRun("mine", config);
    assertEquals(reopenRun("mine", (saved) => saved, "pretrain"), { folder: "runs/mine", config });
    assertThrows(
      () => reopenRun<typeof config>("mine", (saved) => ({ ...saved, seed: 1 })),
      RunError,
      "seed is 1 now, but the run was started with 0.",
    );
    assertThrows(
      () => reopenRun("mine", (saved) => saved, "finetune"),
      RunError,
      "runs/mine is a run of pretrain, not of finetune.",
    );
    assertThrows(() => reopenRun("yours", (saved) => saved), RunError, "Runs are: mine.");
    Deno.writeTextFileSync("runs/mine/config.json", '{"program"');
    assertThrows(() => reopenRun("mine", (saved) => saved), RunError, "config.json cannot be read");
  });

  it("names the first setting that differs, in either direction", () => {
    refuseChanges(config, structuredClone(config), "it was");
    assertThrows(
      () => refuseChanges(config, { ...config, cropScale: [0.2, 0.9] }, "it was"),
      RunError,
      "cropScale is [0.2,0.9] now",
    );
    assertThrows(() => refuseChanges(config, { ...config, more: 1 }, "it was"), RunError, "more is 1 now");
    // A setting that came later is none of an older run.
    for (const none of [0, [], false]) refuseChanges(config, { ...config, more: none }, "it was");
    const { seed: _seed, ...less } = config;
    assertThrows(() => refuseChanges(config, less, "it was"), RunError, "seed is undefined now");
  });

  it("belongs to one process at a time", () => {
    createRun("mine", config);
    const held = holdRun("runs/mine");
    const error = assertThrows(() => holdRun("runs/mine"), RunError);
    assertStringIncludes(error.message, "runs/mine is being trained by another process");
    held[Symbol.dispose]();
    holdRun("runs/mine")[Symbol.dispose]();
  });

  it("keeps metrics a line each, not-a-numbers as null, and cuts them back to a step", () => {
    createRun("mine", config);
    assertEquals(readMetrics("runs/mine"), []);
    logMetric("runs/mine", { type: "evaluation", step: 0, probeF1: NaN });
    for (const step of [1, 2, 3]) logMetric("runs/mine", { type: "step", step, loss: step / 3 });
    const text = Deno.readTextFileSync("runs/mine/metrics.jsonl");
    assertEquals(text.split("\n")[0], '{"type":"evaluation","step":0,"probeF1":null}');
    Deno.writeTextFileSync("runs/mine/metrics.jsonl", '{"type":"st', { append: true });
    assertEquals(readMetrics("runs/mine").map((metric) => metric.step), [0, 1, 2, 3]);
    cutMetrics("runs/mine", 2);
    assertEquals(
      Deno.readTextFileSync("runs/mine/metrics.jsonl"),
      text.split("\n").slice(0, 3).join("\n") + "\n",
    );
    cutMetrics("runs/mine", -1);
    assertEquals(Deno.readTextFileSync("runs/mine/metrics.jsonl"), "");
  });
});
