/** From a set as it was delivered to the paper's table: one command to a manifest, one to the table. */
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { BENCHMARKS, type BenchmarkSet } from "../../train/scores/protocols.ts";
import { readRunFile, runTask, writePretrainedRun } from "../train/toy_runs.ts";
import { FRONTAL, makeManifest, picture, writeTree, writeVideo } from "./data_sets.ts";

const FRAMES = [1, 2, 3, 4];
/** Intensity of a unit in a person's frame. */
const intensityOf = (person: number, frame: number, au: number) => (person * 5 + frame * 3 + au * 7) % 6;
const isPresent = (person: number, frame: number, au: number) => intensityOf(person, frame, au) >= 2;
const headOf = (person: number, frame: number) => FRONTAL[(person + frame) % FRONTAL.length];
/** Each person's pictures are of another size, since no two may be the same. */
const sizeOf = (person: number) => 220 + 4 * person;

describe("deno task manifest, then deno task benchmark", () => {
  let folder: string;
  beforeAll(() => {
    folder = Deno.makeTempDirSync();
    writePretrainedRun(folder, "pre");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  const headsOf = (person: number) => FRAMES.map((frame) => headOf(person, frame));

  /** Runs both, and holds every fold's positive rates against the labels as they were written. */
  async function benchmark(set: BenchmarkSet, folds: readonly (readonly number[])[]): Promise<string> {
    await makeManifest(set, join(folder, set), join(folder, `${set}-faces`));
    const { code, stdout, stderr } = await runTask(
      ...["benchmark", folder, `--set=${set}`, "--from=pre", `--data=${set}-faces`] as const,
      ...["--batchSize=8", "--probeSteps=20"],
    );
    assertEquals(code, 0, stderr);
    const { folds: results } = JSON.parse(readRunFile(folder, `pre-${set}-linear`, "folds.json"));
    assertEquals(results.length, folds.length);
    for (const [i, people] of folds.entries()) {
      const { units } = results[i];
      assertEquals(units.map(({ au }: { au: number }) => au), BENCHMARKS[set].aus);
      for (const { au, positiveRate } of units) {
        const labels = people.flatMap((person) => FRAMES.map((frame) => isPresent(person, frame, au)));
        assertAlmostEquals(positiveRate, labels.filter(Boolean).length / labels.length, 1e-9, `AU${au}`);
      }
    }
    return stdout;
  }

  it("DISFA: three folds of people, intensities to presence", async () => {
    const people = BENCHMARKS.disfa.folds!.flatMap((fold) => fold.slice(0, 2));
    for (const [person, name] of people.entries()) {
      const video = join(folder, `disfa/Videos_LeftCamera/LeftVideoSN${name}_comp.avi`);
      await writeVideo(video, headsOf(person), { size: sizeOf(person) });
      for (const au of BENCHMARKS.disfa.aus) {
        const lines = FRAMES.map((frame) => `${frame},${intensityOf(person, frame, au)}\n`).join("");
        writeTree(folder, { [`disfa/ActionUnit_Labels/SN${name}/SN${name}_au${au}.txt`]: lines });
      }
    }
    const said = await benchmark("disfa", [[0, 1], [2, 3], [4, 5]]);
    assertStringIncludes(said, "DISFA, mean of 3 folds");
  });

  it("BP4D: three folds of people, numbered pictures", async () => {
    const { aus, folds } = BENCHMARKS.bp4d;
    for (const [person, name] of folds!.flatMap((fold) => fold.slice(0, 1)).entries()) {
      const rows = FRAMES.map((frame) =>
        [frame, ...aus.map((au) => Number(isPresent(person, frame, au)))].join(",")
      );
      writeTree(folder, {
        [`bp4d/AUCoding/AU_OCC/${name}_T1.csv`]: [`0,${aus.join(",")}`, ...rows].join("\r\n"),
      });
      for (const frame of FRAMES) {
        const image = await picture(headOf(person, frame), sizeOf(person));
        writeTree(folder, { [`bp4d/Sequences/${name}/T1/000${frame}.jpg`]: image });
      }
    }
    const said = await benchmark("bp4d", [[0], [1], [2]]);
    assertStringIncludes(said, "BP4D, mean of 3 folds");
  });

  it("GFT: three runs over its own split", async () => {
    const { aus } = BENCHMARKS.gft;
    for (const person of [0, 1, 2]) {
      const rows = FRAMES.map((frame) =>
        [frame, ...aus.map((au) => Number(isPresent(person, frame, au)))].join(",")
      );
      const table = [`Frame,${aus.map((au) => `AU${au}`).join(",")}`, ...rows].join("\n");
      writeTree(folder, { [`gft/${person < 2 ? "Train" : "Test"}/00${person}A.csv`]: table });
      await writeVideo(join(folder, `gft/Videos/00${person}A.mp4`), headsOf(person), {
        size: sizeOf(person),
      });
    }
    const said = await benchmark("gft", [[2], [2], [2]]);
    assertStringIncludes(said, "GFT, mean of 3 runs");
  });
});
