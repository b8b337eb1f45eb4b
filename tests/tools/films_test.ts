/** `deno task detect --out`: films, photos and folders into tables, from the command line's own `main`. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "../../tools/detect.ts";
import { FolderLock } from "../../tools/films/folder_lock.ts";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";
import { TINY_OUTPUTS } from "../web/tiny_outputs.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

describe("deno task detect with films", () => {
  let folder: string, films: string, out: string, said: string[] = [];
  const [print, tell] = [console.log, console.error];
  const detect = (...args: string[]) => main([`--model=${join(folder, "model")}`, ...args]);
  const rows = (name: string, at = out): Record<string, string>[] => {
    const [head, ...lines] = Deno.readTextFileSync(join(at, name)).trim().split("\n");
    const names = head.split(",");
    return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [names[i], cell])));
  };
  const names = (at: string) => [...Deno.readDirSync(at)].map(({ name }) => name).sort();

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    Deno.mkdirSync(join(folder, "model"));
    // Every face shows AU12 with an intensity of 4.4 and hides AU4: what matters here is where the numbers go.
    const { points: _, ...outputs } = TINY_OUTPUTS;
    const model = writeTinyModel({ weights: [[0, 0], [0, 0], [0, 0]], bias: [2, 1], outputs }, 32);
    const card = await writeTinyCard(model, {
      target: "intensity",
      outputs: ["pose", "gaze", "openness", "visible"],
    });
    Deno.writeFileSync(join(folder, "model/emoco.onnx"), model);
    Deno.writeTextFileSync(join(folder, "model/emoco.json"), JSON.stringify(card));
    films = join(folder, "films");
    Deno.mkdirSync(join(films, "deep"), { recursive: true });
    const cut = async (name: string, from: number) => {
      const { success } = await new Deno.Command("ffmpeg", {
        args: [
          ...["-v", "error", "-ss", String(from), "-i", fixture("fixtures/smile.webm"), "-frames:v", "4"],
          ...["-vf", "setpts=N/(10*TB)", "-r", "10", "-c:v", "mjpeg", "-q:v", "2", join(films, name)],
        ],
      }).output();
      assert(success);
    };
    await cut("one.mkv", 0);
    await cut("deep/one.avi", 2);
    Deno.writeFileSync(join(films, "empty.mp4"), new Uint8Array());
    Deno.copyFileSync(fixture("fixtures/astronaut.jpg"), join(films, "picture.mp4"));
    Deno.copyFileSync(fixture("fixtures/sound.webm"), join(films, "sound.webm"));
    Deno.copyFileSync(fixture("fixtures/astronaut.jpg"), join(films, "portrait.jpg"));
    Deno.writeTextFileSync(join(films, "._one.mkv"), "what macOS leaves behind");
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));
  beforeEach(() => {
    out = Deno.makeTempDirSync({ dir: folder });
    said = [];
    console.log = console.error = (line: string) => said.push(line);
  });
  afterEach(() => {
    [console.log, console.error] = [print, tell];
  });

  it("makes a table a film and one of all photos, a summary and a report, and names what is no film", async () => {
    const failed = await assertRejects(() => detect(films, `--out=${out}`), Error);
    assertEquals(failed.message.split("\n"), [
      `${films}/empty.mp4: The file is empty (0 bytes).`,
      `${films}/picture.mp4: It is a picture (jpeg), not a film: give it its own ending.`,
      `${films}/sound.webm: It has no video track.`,
    ]);
    const tables = ["one.csv", "one~2.csv", "photos.csv"];
    assertEquals(names(out), [".emoco", ...tables, "report.html", "skipped.csv", "summary.csv"]);
    assertEquals(
      names(join(out, ".emoco")).filter((name) => /rows|part/.test(name)),
      [],
      "nothing half done is left",
    );
    for (const [name, file] of [["one.csv", "deep/one.avi"], ["one~2.csv", "one.mkv"]]) {
      const lines = rows(name);
      assertEquals(
        lines.map(({ file, frame, face }) => [file, frame, face]),
        [0, 1, 2, 3].map((frame) => [
          `${films}/${file}`,
          String(frame),
          "1",
        ]),
      );
      lines.forEach(({ time }, i) => assertAlmostEquals(Number(time), i / 10, 0.002));
      assertEquals([lines[0].AU12_present, lines[0].AU04_present, lines[0].warnings], ["1", "", "covered"]);
      assertAlmostEquals(Number(lines[0].AU12_intensity), 5 / (1 + Math.exp(-2)), 1e-3);
      assertEquals([lines[0].pitch, lines[0].open_mouth], ["-7", "0.3"]);
    }
    const [photo] = rows("photos.csv");
    assertEquals([photo.file, photo.frame, photo.time, photo.face], [`${films}/portrait.jpg`, "", "", "1"]);
    const [summary, ...more] = rows("summary.csv");
    assertEquals([more.length, summary.face, summary.frames, summary.AU12_share, summary.AU12_episodes], [
      1,
      "1",
      "4",
      "1",
      "1",
    ]);
    assertEquals(rows("skipped.csv").length, 3);
    const report = Deno.readTextFileSync(join(out, "report.html"));
    for (
      const text of [
        "2 films read by tiny",
        "deep/one.avi",
        "<svg",
        "data:image/jpeg",
        "It has no video track.",
      ]
    ) {
      assertStringIncludes(report, text);
    }
  });

  it("goes on where it was stopped, and reads again what has changed", async () => {
    const film = join(folder, "changing.mkv");
    Deno.copyFileSync(join(films, "one.mkv"), film);
    const both = [film, join(films, "deep"), `--out=${out}`];
    await detect(...both);
    const at = (name: string) => Deno.statSync(join(out, name)).mtime!.getTime();
    const before = [at("changing.csv"), at("one.csv")];
    await detect(...both);
    assertEquals([at("changing.csv"), at("one.csv")], before);
    assert(said.some((line) => line.includes("2 films were done before.")), said.join("\n"));
    Deno.copyFileSync(join(films, "deep/one.avi"), film);
    await detect(...both);
    assert(at("changing.csv") > before[0] && at("one.csv") === before[1]);
    await detect(...both, "--every=2");
    assertEquals(rows("one.csv").map(({ frame }) => frame), ["0", "2"]);
  });

  it("refuses a second program in the folder, and lets shares work side by side", async () => {
    const journal = join(out, ".emoco"), film = join(films, "one.mkv");
    Deno.mkdirSync(journal);
    {
      using _other = FolderLock.take(journal, out);
      await assertRejects(() => detect(film, `--out=${out}`), Error, "another program works in this folder");
      await assertRejects(() => detect(film, `--out=${out}`, "--shard=1/2"), Error, "another program works");
    }
    const both = [film, join(films, "deep/one.avi"), `--out=${out}`];
    {
      using _other = FolderLock.take(journal, out, { index: 2, count: 2 });
      await detect(...both, "--shard=1/2");
      await assertRejects(() => detect(...both, "--shard=2/2"), Error, "on the share 2/2");
      await assertRejects(() => detect(...both), Error, "another program works in this folder");
    }
    assertEquals(names(out).filter((name) => name.startsWith("one")), ["one.csv"]);
    await detect(...both, "--shard=2/2");
    assertEquals(names(out).filter((name) => name.startsWith("one")), ["one.csv", "one~2.csv"]);
    assertEquals(rows("summary.csv").map(({ file }) => file.split("/").at(-1)), ["one.mkv", "one.avi"]);
  });

  it("opens in a program that knows OpenFace's columns", async () => {
    await detect(join(films, "one.mkv"), `--out=${out}`, "--format=openface");
    const script = "import csv,sys\nrows=list(csv.DictReader(open(sys.argv[1])))\n" +
      "good=[r for r in rows if r['success']=='1' and float(r['confidence'])>0.5]\n" +
      "print(len(rows),len(good),round(sum(float(r['AU12_r']) for r in good)/len(good),2)," +
      "max(float(r['pose_Rx']) for r in good)>0.1, float(good[0]['timestamp']), int(good[-1]['frame']))";
    const { stdout } = await new Deno.Command("python3", { args: ["-c", script, join(out, "one.csv")] })
      .output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "4 4 4.4 True 0.0 4");
  });

  it("draws a film beside its table, never over somebody's", async () => {
    const drawn = join(out, "drawn"), film = join(films, "one.mkv");
    await assertRejects(
      () => detect(film, `--out=${out}`, `--draw=${drawn}`),
      Error,
      "must be a folder that exists",
    );
    Deno.mkdirSync(drawn);
    Deno.writeTextFileSync(join(drawn, "one.mp4"), "somebody's");
    await detect(film, `--out=${out}`, `--draw=${drawn}`);
    assertEquals(names(drawn), ["one.mp4", "one~2.mp4"]);
    assertEquals(Deno.readTextFileSync(join(drawn, "one.mp4")), "somebody's");
    const { stderr } = await new Deno.Command("ffmpeg", { args: ["-i", join(drawn, "one~2.mp4")] }).output();
    assert(
      /Video: h264.* 640x2\d\d/.test(new TextDecoder().decode(stderr)),
      new TextDecoder().decode(stderr),
    );
  });

  it("says what is wrong in the options before anything is read", async () => {
    const film = join(films, "one.mkv");
    for (
      const [option, sentence] of [
        ["--format=xls", "--format=xls must be one of csv, json, jsonl, parquet, openface."],
        ["--every=0", "--every=0 must be a whole number of frames"],
        ["--from=soon", "--from=soon must be a time such as 0:10"],
        ["--shard=4/3", "--shard=4/3 must be a share such as 3/16"],
      ]
    ) await assertRejects(() => detect(film, `--out=${out}`, option), Error, sentence);
    await assertRejects(
      () => detect(film, `--out=${out}`, "--from=1:00", "--to=0:30"),
      Error,
      "must come before",
    );
    await assertRejects(() => detect(film, film), Error, "--out=folder");
    await assertRejects(() => detect(film, "--json"), Error, "--json is for photos");
    assertEquals(names(out), []);
  });
});
