/** `deno task detect` as people start it on a folder of films: what it prints, how it ends, what Ctrl-C leaves behind. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { taskCommand } from "../../tools/served.ts";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SMILE = fileURLToPath(new URL("../fixtures/smile.webm", import.meta.url));
/** Films of the folder, and those among them that are none. */
const FILMS = 200, BAD = ["film_003.mkv", "film_077.mkv", "film_199.mkv"];
const text = new TextDecoder();

describe("deno task detect as a program", () => {
  let folder: string, films: string, tiny: Uint8Array<ArrayBuffer>;

  /** Starts it in a group of processes of its own, as a terminal does. */
  const start = (...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: [...taskCommand("detect").args, `--model=${join(folder, "model")}`, ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  const tables = (out: string) =>
    [...Deno.readDirSync(out)].map(({ name }) => name).filter((name) => name.startsWith("film_")).sort();
  /** What a program that knows nothing of this project makes of a table. */
  const python = async (script: string, ...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command("python3", { args: ["-c", script, ...args] })
      .output();
    assert(success, text.decode(stderr));
    return JSON.parse(text.decode(stdout));
  };

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    Deno.mkdirSync(join(folder, "model"));
    const model = writeTinyModel({ weights: [[0, 0], [0, 0], [0, 0]], bias: [2, -2] }, 32);
    Deno.writeFileSync(join(folder, "model/emoco.onnx"), model);
    const card = await writeTinyCard(model, { target: "intensity" });
    Deno.writeTextFileSync(join(folder, "model/emoco.json"), JSON.stringify(card));
    films = join(folder, "films");
    Deno.mkdirSync(films);
    const film = join(folder, "tiny.mkv");
    const { success } = await new Deno.Command("ffmpeg", {
      args: ["-v", "error", "-i", SMILE, "-frames:v", "1", "-vf", "scale=160:120", "-c:v", "mjpeg", film],
    }).output();
    assert(success);
    tiny = Deno.readFileSync(film);
    for (let i = 0; i < FILMS; i++) {
      const name = `film_${String(i).padStart(3, "0")}.mkv`, isBad = BAD.includes(name);
      const bytes = !isBad ? tiny : name === BAD[0] ? new Uint8Array() : tiny.slice(0, 40);
      Deno.writeFileSync(join(films, name), bytes);
    }
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  it("keeps what is done at Ctrl-C, goes on from there, names three bad films of 200 and ends with 1", async () => {
    const out = join(folder, "out"), first = start(films, `--out=${out}`);
    const said = new Response(first.stderr).text();
    let isAsked = false;
    for await (const line of first.stdout.pipeThrough(new TextDecoderStream())) {
      if (isAsked || !line.includes("film_010.mkv: ")) continue;
      isAsked = true;
      // The whole group is told to stop, as by a terminal: what else belongs to it must not fail before.
      await python("import os,sys; os.killpg(int(sys.argv[1]), 2); print(0)", `${first.pid}`);
    }
    assertEquals((await first.status).code, 1);
    assertStringIncludes(await said, "Stopped; films that are done are kept");
    const kept = tables(out);
    assert(kept.length >= 10 && kept.length < FILMS - BAD.length, `${kept.length} tables`);
    assertEquals(kept, tables(out).filter((name) => Deno.statSync(join(out, name)).size > 100));
    const before = Deno.statSync(join(out, kept[0])).mtime!.getTime();

    const { code, stdout, stderr } = await start(films, `--out=${out}`).output();
    assertEquals(code, 1);
    assertStringIncludes(text.decode(stdout), `${kept.length} films were done before.`);
    const complaints = text.decode(stderr).trim().split("\n");
    assertEquals(complaints.map((line) => line.split(": ")[0]), BAD.map((name) => join(films, name)));
    assertStringIncludes(complaints[0], "The file is empty (0 bytes).");
    assertStringIncludes(complaints[1], "No frame of it can be decoded (");
    assertEquals(
      Deno.statSync(join(out, kept[0])).mtime!.getTime(),
      before,
      "what is done is not done again",
    );
    const script = "import csv,json,sys,glob\n" +
      "rows=[r for f in sorted(glob.glob(sys.argv[1]+'/film_*.csv')) for r in csv.DictReader(open(f,newline=''))]\n" +
      "summary=list(csv.DictReader(open(sys.argv[1]+'/summary.csv',newline='')))\n" +
      "skipped=list(csv.DictReader(open(sys.argv[1]+'/skipped.csv',newline='')))\n" +
      "print(json.dumps([len(rows),len({r['file'] for r in rows}),{r['face'] for r in rows}=={'1'}," +
      "{round(float(r['AU12_intensity']),2) for r in rows}=={4.4},len(summary)," +
      "{s['frames'] for s in summary}=={'1'},[s['file'].split('/')[-1] for s in skipped]]))";
    const good = FILMS - BAD.length;
    assertEquals(await python(script, out), [good, good, true, true, good, true, BAD]);
  });

  it("reads a film from standard input and prints its table, or keeps it in a folder", async () => {
    const piped = async (...args: string[]) => {
      const process = start("-", ...args), writer = process.stdin.getWriter();
      const done = process.output();
      await writer.write(tiny);
      await writer.close();
      const { code, stdout, stderr } = await done;
      assertEquals([code, text.decode(stderr)], [0, ""]);
      return text.decode(stdout);
    };
    const [head, row, ...more] = (await piped("--format=openface")).trim().split("\n");
    assertEquals(more, []);
    const [frame, , timestamp] = row.split(",");
    assertEquals([head.split(",").slice(0, 3), frame, timestamp], [
      ["frame", "face_id", "timestamp"],
      "1",
      "0",
    ]);
    const out = join(folder, "streamed");
    await piped(`--out=${out}`);
    const script =
      "import csv,json,sys\nprint(json.dumps(list(csv.DictReader(open(sys.argv[1],newline='')))))";
    const [one] = await python(script, join(out, "stdin.csv"));
    assertEquals([one.file, one.frame, one.face, one.AU12_present, one.AU04_present], [
      "stdin",
      "0",
      "1",
      "1",
      "0",
    ]);
  });
});
