import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { drawFaces, type Line, pretrain, TINY, writeManifest } from "./toy_faces.ts";

describe("deno task pretrain", () => {
  let folder: string, lines: Line[];
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    lines = await drawFaces(folder, 20);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  /** What the program says to a wrong input: one sentence, exit code 1, no stack, no run left behind. */
  async function complaint(...args: string[]): Promise<string> {
    const { code, stderr } = await pretrain(folder, ...TINY, ...args);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^(Blocking[^\n]+\n)*error: [^\n]+\n$/); // Deno itself says when it waits for another one
    return stderr;
  }

  /** The same, to a manifest of its own. */
  async function complaintAbout(
    name: string,
    manifest: (Line | string)[],
    ...args: string[]
  ): Promise<string> {
    const data = join(folder, name);
    await Deno.mkdir(data);
    await Deno.symlink(join(folder, "faces"), join(data, "faces"));
    await writeManifest(data, manifest);
    return complaint(`--data=${name}`, ...args);
  }

  const changed = (at: number, change: Line) =>
    lines.map((line, i) => i === at - 1 ? { ...line, ...change } : line);

  it("names file and line of what is wrong in a manifest", async () => {
    const of = (emotion: string) => lines.filter((line) => line.emotion === emotion);
    const notJson: (Line | string)[] = [...lines];
    notJson[4] = '{"image": "faces/';
    const split = lines.map((line, i) => ({ ...line, split: i === 9 ? "test" : "pretrain" }));
    const said = await Promise.all([
      complaintAbout("missing", changed(3, { image: "faces/nobody.jpg" })),
      complaintAbout("unknown", changed(4, { emotion: "contempt" })),
      complaintAbout("json", notJson),
      complaintAbout("splits", split),
      complaintAbout("none", lines.map(({ emotion: _, ...line }) => line)),
      complaintAbout("one", [...lines.filter((line) => line.emotion !== "fear"), of("fear")[0]]),
      complaintAbout("pairless", lines.slice(0, 7)),
      complaintAbout("empty", []),
    ]);
    const at = (name: string, line: number) => join(folder, name, `manifest.jsonl, line ${line}: `);
    const expected = [
      at("missing", 3) + `the picture ${join(folder, "missing/faces/nobody.jpg")} is missing.`,
      at("unknown", 4) + 'unknown emotion "contempt". Known are neutral, happy,',
      at("json", 5) + "not JSON (",
      at("splits", 10) + 'subject "s01" is in split "test" here but in "pretrain" on line 8',
      join(folder, "none/manifest.jsonl") +
      ": no face carries an emotion, which this method learns from; MoCo needs none (--queues=single",
      'only one face, on line 121, carries the emotion "fear"',
      'only one face, on line 1, carries the emotion "neutral"',
      join(folder, "empty/manifest.jsonl") + " lists no faces.",
    ];
    for (const [i, text] of said.entries()) assertStringIncludes(text, expected[i]);
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "runs"), false);
  });

  it("asks for the labels alone that a method reads, and says which emotion is not there", async () => {
    const none = lines.map(({ emotion: _, ...line }) => line);
    const fearless = lines.filter((line) => line.emotion !== "fear");
    const moco = ["--queues=single", "--normalization=l2", "--losses=contrastive"];
    const runs: [string, Line[], string[], string][] = [
      ["unlabelled", none, moco, "(emotions are not read)"],
      ["fearless", fearless, [], "Warning: no face carries the emotion fear: nothing is learnt of it."],
      ["emotion", fearless, ["--losses=emotion"], "Warning: no face carries the emotion fear"],
    ];
    const place = await Deno.makeTempDir();
    for (const [name, manifest, settings, said] of runs) {
      await Deno.mkdir(join(place, name));
      await Deno.symlink(join(folder, "faces"), join(place, name, "faces"));
      await writeManifest(join(place, name), manifest);
      const epochs = ["--epochs=1", `--data=${name}`, `--name=${name}`];
      const { code, stdout, stderr } = await pretrain(place, ...TINY, ...settings, ...epochs);
      assertEquals([code, stderr.includes("error")], [0, false], stderr);
      assertStringIncludes(stdout, said);
      assertStringIncludes(stdout, `runs/${name}/report.html`);
    }
    await Deno.remove(place, { recursive: true });
  });

  it("says what a command line lacks", async () => {
    const here = "--data=.";
    const said = await Promise.all([
      complaint("--data=nowhere"),
      complaint(here, "--epoch=3"),
      complaint(here, "--epochs=many"),
      complaint(here, "--epochs=0"),
      complaint(here, "--cropScale=0.2"),
      complaint(here, "--preset=toString"),
      complaint(here, "--device=tpu"),
      complaint(here, "--skipbroken"),
      complaint(here, "--name=../x"),
      complaint(here, "epochs=3"),
    ]);
    const expected = [
      `nowhere/manifest.jsonl cannot be read: --data takes a folder with a manifest.jsonl`,
      "--epoch is no setting. Settings are: backbone, width, stem,",
      "--epochs=many: epochs takes a number, such as",
      "epochs is 0; it must be a whole number of at least 1.",
      "--cropScale=0.2: cropScale takes 2 numbers",
      "--preset=toString does not exist; presets are quick, paper.",
      "--device=tpu: a device is auto, cpu or gpu.",
      "--skipbroken needs a value: --skipbroken=...",
      "--name=../x: a run's name is made of letters,",
      '"epochs=3" stands alone; options are written --name=value.',
    ];
    for (const [i, text] of said.entries()) assertStringIncludes(text, expected[i]);
  });

  it("refuses a GPU that is not there, instead of taking the CPU", async () => {
    Deno.env.set("CUDA_VISIBLE_DEVICES", "-1");
    const said = await complaint("--data=.", "--device=gpu");
    Deno.env.delete("CUDA_VISIBLE_DEVICES");
    assertStringIncludes(said, "--device=gpu: TensorFlow finds no GPU it can use.");
  });

  it("stops at a picture that cannot be decoded, and with --skipBroken goes on and counts them", async () => {
    const cut = join(folder, "faces/2-sad.jpg"), text = join(folder, "faces/3-fear.jpg");
    const [whole, face] = [await Deno.readFile(cut), await Deno.readFile(text)];
    await Deno.writeFile(cut, whole.subarray(0, whole.length >> 1));
    await Deno.writeTextFile(text, "This is no picture.");
    // Broken lines are left out as well, and named.
    await Deno.mkdir(join(folder, "more"));
    await Deno.symlink(join(folder, "faces"), join(folder, "more/faces"));
    await writeManifest(join(folder, "more"), [...lines, { image: "faces/nobody.jpg", subject: "x" }, "{"]);
    const [strict, lenient] = await Promise.all([
      pretrain(folder, ...TINY, "--eager", "--data=.", "--name=strict"),
      pretrain(folder, ...TINY, "--eager", "--data=more", "--name=lenient", "--skipBroken", "--epochs=1"),
    ]);
    assertEquals(strict.code, 1);
    assertMatch(strict.stderr, /^error: [^\n]+\n$/);
    const isNamed = (image: string) => {
      const line = lines.findIndex((entry) => entry.image === image) + 1;
      return strict.stderr.includes(
        `${join(folder, image)} (line ${line} of its manifest) cannot be decoded: `,
      );
    };
    assertEquals(isNamed("faces/2-sad.jpg") || isNamed("faces/3-fear.jpg"), true, strict.stderr);
    assertStringIncludes(strict.stderr, "--skipBroken");
    assertEquals(lenient.code, 0, lenient.stderr);
    for (
      const sentence of [
        "2 pictures could not be decoded: others of the same emotion took their place.",
        "faces/nobody.jpg is missing",
        "line 142: not JSON",
      ]
    ) assertStringIncludes(lenient.stdout, sentence);
    await Deno.writeFile(cut, whole);
    await Deno.writeFile(text, face);
  });

  it("stops when numbers are no longer finite, names step and faces, and saves none of them", async () => {
    const { code, stdout, stderr } = await pretrain(
      folder,
      ...TINY,
      "--eager",
      "--data=.",
      "--name=wild",
      "--baseLearningRate=1e30",
      "--checkpointEvery=1",
    );
    assertEquals(code, 1, stdout);
    const [first, ...faces] = stderr.trimEnd().split("\n");
    assertMatch(
      first,
      /^error: (The loss of step \d+ is (NaN|-?Infinity)|After step \d+, \S+ holds numbers that are not finite)\. /,
    );
    assertEquals(faces.length, 16);
    for (const face of faces) assertMatch(face, /^ {2}\/.*\/faces\/\d+-[a-z]+\.jpg \(line \d+\)$/);
    for (const { name } of Deno.readDirSync(join(folder, "runs/wild"))) {
      if (!name.startsWith("checkpoint")) continue;
      const bytes = Deno.readFileSync(join(folder, "runs/wild", name));
      const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const values = new Float32Array(bytes.slice(start).buffer);
      assertEquals(values.every(Number.isFinite), true, name);
    }
  });
});
