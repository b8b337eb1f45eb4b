import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { readMetrics } from "../../train/runs/run_folder.ts";
import { type Line, writeManifest } from "./toy_faces.ts";
import { drawLabelledFaces, readRunFile, runTask, SHORT, startTask, writePretrainedRun } from "./toy_runs.ts";

/** Three people of each of DISFA's folds. */
const PEOPLE = ["002", "010", "001", "013", "018", "011", "003", "029", "023"];
const AUS = [1, 2, 4, 6, 9, 12, 25, 26];
const BOOKS = ["benchmark.json", "benchmark.csv", "folds.json", "folds.csv", "predictions.jsonl"];

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("deno task benchmark", () => {
  let folder: string, lines: Line[];
  const args = (protocol: string, ...more: string[]) => [
    "--set=disfa",
    "--data=disfa",
    "--from=pre",
    `--protocol=${protocol}`,
    "--batchSize=8",
    ...SHORT.filter((setting) => !setting.startsWith("--batchSize")),
    ...more,
  ];
  const benchmark = (...given: string[]) => runTask("benchmark", folder, ...given);
  /** Another manifest over the same pictures. */
  async function variant(name: string, of: readonly Line[]): Promise<string> {
    const data = join(folder, name);
    Deno.mkdirSync(data);
    Deno.symlinkSync(join(folder, "disfa/faces"), join(data, "faces"));
    await writeManifest(data, of);
    return `--data=${name}`;
  }
  const books = (name: string) => {
    const [json, ...others] = BOOKS.map((file) => readRunFile(folder, name, file));
    return [{ ...JSON.parse(json), run: "" }, others.map((text) => text.replaceAll(name, "run"))];
  };
  const files = (name: string) =>
    [...Deno.readDirSync(join(folder, "runs", name))].map((entry) => entry.name);

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const drawn = await drawLabelledFaces(join(folder, "disfa"), PEOPLE.length);
    lines = drawn.map(({ image, subject }, i) => {
      const intensity = Object.fromEntries(AUS.map((au, a) => [au, (i * 7 + a * 3) % 6]));
      const present = Object.fromEntries(
        Object.entries(intensity).map(([au, grade]) => [au, Number(grade >= 2)]),
      );
      const person = PEOPLE[Number((subject as string).slice(1))];
      return { set: "disfa", image, subject: person, present: { ...present, 5: 1 }, intensity };
    });
    await writeManifest(join(folder, "disfa"), lines);
    writePretrainedRun(folder, "pre");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("prints the paper's table, names who is missing, and answers the same command with the same table", async () => {
    const { code, stdout, stderr } = await benchmark(...args("linear"));
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stdout,
      "DISFA by protocol linear, from pre; run pre-disfa-linear, in runs/pre-disfa-linear.\n",
    );
    assertMatch(
      stdout,
      /: 63 faces of 9 people, 3 folds by subject\.\n {2}Without 004, 005, 006, .*, 032, who have/,
    );
    assertStringIncludes(stdout, "DISFA, mean of 3 folds, in per cent (F1 at probability 0.5):\nAU      ");
    const table = stdout.slice(stdout.indexOf("DISFA, mean of"));
    assertMatch(
      table,
      /\nAU {17}1 {5}2 {5}4 {5}6 {5}9 {4}12 {4}25 {4}26 {4}Avg\.\nF1 .*\nAUC .*\npositive rate .*\n/,
    );
    assert(files("pre-disfa-linear").every((name) => !name.startsWith("features")));
    const again = await benchmark(...args("linear"));
    assertEquals(again.code, 0, again.stderr);
    assertEquals(again.stdout.slice(again.stdout.indexOf("DISFA, mean of")), table);
    assert(!/\nfold /.test(again.stdout), "no fold is done again");

    const result = JSON.parse(readRunFile(folder, "pre-disfa-linear", "benchmark.json"));
    assertEquals([result.method, result.set, result.protocol, result.people], [
      "EmoCo",
      "disfa",
      "linear",
      9,
    ]);
    assertEquals(result.missing.length, 27 - 9);
    assertEquals(result.units.map(({ au }: { au: number }) => au), AUS);
    const csv = readRunFile(folder, "pre-disfa-linear", "benchmark.csv").split("\n");
    assertEquals(csv[0], "method,protocol,run,measure,AU1,AU2,AU4,AU6,AU9,AU12,AU25,AU26,Avg.");
    assertEquals(csv[1].split(",").at(-1), (100 * result.averages.f1).toFixed(1));
    const tested = readRunFile(folder, "pre-disfa-linear", "predictions.jsonl").trim().split("\n")
      .map((line) => JSON.parse(line));
    for (const { fold, line } of tested) {
      assertEquals(Math.floor(PEOPLE.indexOf(lines[line - 1].subject as string) / 3) + 1, fold);
    }
    assertEquals(tested.length, 63);
  });

  it("gives what an unbroken run gives when it is killed and started again, under either protocol", async () => {
    for (const protocol of ["linear", "finetune"]) {
      const unbroken = `unbroken-${protocol}`, killed = `killed-${protocol}`;
      const settings = ["--probeSteps=60", "--checkpointEvery=2", "--epochs=1"];
      const whole = await benchmark(...args(protocol, `--name=${unbroken}`, ...settings));
      assertEquals(whole.code, 0, whole.stderr);
      // After some features, after a fold; or within the second fold; then to the end.
      const moments = protocol === "linear"
        ? [() => features(killed) >= 8, () => count(killed, "predictions.jsonl") > 0]
        : [() => steps(killed) >= 8];
      let kills = 0;
      for (const moment of moments) {
        const { child, outcome } = startTask(
          "benchmark",
          folder,
          args(protocol, `--name=${killed}`, ...settings),
        );
        let ended = false;
        outcome.then(() => ended = true);
        while (!ended && !moment()) await pause(2);
        try {
          child.kill("SIGKILL");
        } catch { /* it has ended by itself: a fast machine */ }
        if ((await outcome).signal === "SIGKILL") kills++;
      }
      assert(kills > 0, `${protocol} was never killed`);
      const last = await benchmark("--resume", `--name=${killed}`);
      assertEquals(last.code, 0, last.stderr);
      assertEquals(books(killed), books(unbroken));
      if (protocol === "finetune") {
        assertEquals(readMetrics(join(folder, "runs", killed)), readMetrics(join(folder, "runs", unbroken)));
      }
    }
  });
  const count = (name: string, file: string) => {
    try {
      return readRunFile(folder, name, file).split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  const features = (name: string) => {
    try {
      return Deno.statSync(join(folder, "runs", name, "features.f32")).size / (4 * 64);
    } catch {
      return 0;
    }
  };
  const steps = (name: string) => readMetrics(join(folder, "runs", name)).length;

  it("takes a fixed split three times over, each time with another start", async () => {
    const gft = lines.map((line, i) => ({ ...line, set: "gft", split: i < 42 ? "au" : "test" }));
    const data = await variant("gft", gft);
    const { code, stdout, stderr } = await benchmark(
      ...args("finetune", "--name=gft", "--set=gft", data, "--epochs=1", "--learningRate=0.01").filter((
        arg,
      ) => arg !== "--set=disfa" && arg !== "--data=disfa"),
    );
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "the set's own split, 3 runs.");
    const predictions = readRunFile(folder, "gft", "predictions.jsonl").trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    const first = [1, 2, 3].map((fold) => predictions.filter((one) => one.fold === fold)[0]);
    assertEquals(first.map(({ line }) => line), [43, 43, 43]);
    assertEquals(new Set(first.map(({ probabilities }) => String(probabilities))).size, 3);
  });

  it("refuses what would make its numbers worthless, in a sentence and without a run", async () => {
    const complaint = async (...given: string[]) => {
      const { code, stdout, stderr } = await benchmark(...given);
      assertEquals(code, 1, stdout);
      assertMatch(stderr, /^error: [^\n]+\n$/);
      return stderr;
    };
    const base = args("linear", "--name=refused").filter((arg) => arg !== "--data=disfa");
    const twice = await variant(
      "twice",
      lines.map((line, i) => i === 30 ? { ...line, image: lines[3].image } : line),
    );
    const strangers = await variant(
      "strangers",
      lines.map((line, i) => i < 2 ? { ...line, subject: "099" } : line),
    );
    const known = args("linear", "--name=refused", "--from=knows").filter((arg) => arg !== "--from=pre");
    writePretrainedRun(folder, "knows", { subjects: ["018"] });
    const [bytes, stranger, pretrained, set, folds] = await Promise.all([
      complaint(...base, twice),
      complaint(...base, strangers),
      complaint(...known),
      complaint("--set=ck+", "--data=disfa"),
      complaint(...args("linear", "--folds=2")),
    ]);
    assertStringIncludes(bytes, 'line 4, subject "002", and ');
    assertStringIncludes(bytes, 'line 31, subject "018", hold the same bytes');
    assertStringIncludes(stranger, 'no fold of DISFA knows "099" (line 1)');
    assertStringIncludes(pretrained, 'subject "018" (');
    assertStringIncludes(pretrained, "was in this model's pretraining");
    assertStringIncludes(set, "--set=ck+: sets are gft, disfa, bp4d.");
    assertStringIncludes(folds, "the folds of DISFA are its protocol's.");
    assert(
      !files("..").includes("refused") &&
        ![...Deno.readDirSync(join(folder, "runs"))].some(({ name }) => name === "refused"),
    );
  });
});
