/** `deno task manifest` as a process: killed and run again, without ffmpeg, with wrong roots. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ffmpeg } from "../../tools/manifest/video.ts";
import { taskCommand } from "../../tools/served.ts";
import { FRONTAL, headAt, makeManifest, picture, readOut, writeTree, writeVideo } from "./data_sets.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const [A, B, C, D] = FRONTAL;
const FRAMES = 24;

let folder: string;
beforeAll(() => {
  folder = Deno.makeTempDirSync();
});
afterAll(() => Deno.removeSync(folder, { recursive: true }));

/** Starts the program with the permissions of its task. */
function start(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...taskCommand("manifest").args, ...args],
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** Bytes of every file that a run leaves, by its path; the order of the journal's lines is chance. */
function contents(out: string, path = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(join(out, path))) {
    const inner = join(path, name);
    if (isDirectory) { for (const [file, bytes] of contents(out, inner)) files.set(file, bytes); }
    else if (name !== "journal.jsonl") files.set(inner, Deno.readFileSync(join(out, inner)).toString());
  }
  return new Map([...files].sort());
}

function journalLines(out: string): string[] {
  try {
    return Deno.readTextFileSync(join(out, "journal.jsonl")).split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

describe("deno task manifest, killed", () => {
  it("gives the unbroken run's bytes when it is run again, and does nothing twice", async () => {
    const root = join(folder, "disfa"), unbroken = join(folder, "unbroken"), broken = join(folder, "broken");
    for (const subject of ["SN001", "SN002"]) {
      const heads = Array.from({ length: FRAMES }, (_, i) => FRONTAL[i % FRONTAL.length]);
      await writeVideo(join(root, `Videos_LeftCamera/LeftVideo${subject}_comp.avi`), heads);
      const lines = heads.map((_, i) => `${i + 1},${i % 6}\n`).join("");
      writeTree(root, { [`ActionUnit_Labels/${subject}/${subject}_au4.txt`]: lines });
    }
    await makeManifest("disfa", root, unbroken);

    const moment = 2 + Math.floor(Math.random() * (2 * FRAMES - 6)),
      args = [`--root=${root}`, `--out=${broken}`];
    const process = start(["disfa", ...args, "--workers=2"]);
    const ended = process.stderr.pipeTo(new WritableStream());
    while (journalLines(broken).length < moment) await new Promise((wait) => setTimeout(wait, 5));
    process.kill("SIGKILL");
    await ended;
    assertEquals((await process.status).signal, "SIGKILL");

    const done = journalLines(broken).slice(1).map((line) => JSON.parse(line)).filter(({ image }) => image);
    assert(done.length < 2 * FRAMES, "it was killed before its end");
    const whenMade = (image: string) => Deno.statSync(join(broken, image)).mtime!.getTime();
    const before = new Map(done.map(({ image }) => [image, whenMade(image)]));
    const faces = [...contents(broken).keys()].filter((path) => path.endsWith(".jpg"));
    assert(faces.length - done.length <= 2, "no worker was more than one face ahead of the journal");

    await makeManifest("disfa", root, broken);
    for (const [image, time] of before) {
      assertEquals(whenMade(image), time, `${image} was made once, ${moment}`);
    }
    const sources = journalLines(broken).slice(1).map((line) => JSON.parse(line).source);
    assertEquals(new Set(sources).size, sources.length, `each source has one line, killed at ${moment}`);
    assertEquals(sources.length, 2 * FRAMES + 2);
    const expected = contents(unbroken), got = contents(broken);
    assertEquals([...got.keys()], [...expected.keys()]);
    assertEquals(readOut(broken).lines.length, 2 * FRAMES);
    for (const [path, bytes] of expected) {
      assert(got.get(path) === bytes, `${path} differs, killed at ${moment}`);
    }
  });
});

describe("deno task manifest", () => {
  it("says how to get ffmpeg when it is not there", async () => {
    const root = join(folder, "no_ffmpeg");
    writeTree(root, {
      "Videos_LeftCamera/LeftVideoSN001_comp.avi": "never opened",
      "ActionUnit_Labels/SN001/SN001_au1.txt": "1,0\n",
    });
    const process = start(["disfa", `--root=${root}`, `--out=${join(folder, "none")}`], { PATH: folder });
    const said = await new Response(process.stderr).text();
    assertEquals((await process.status).code, 1);
    assertStringIncludes(
      said,
      "ffmpeg, which is not on the PATH: install it (Debian, Ubuntu: apt install ffmpeg;",
    );
    assert(!said.includes("    at "), said);
  });

  it("says what it looked for when the root is wrong", async () => {
    const root = join(folder, "wrong"), out = join(folder, "wrong_out");
    Deno.mkdirSync(join(root, "empty"), { recursive: true });
    const refusal = (set: string, sentence: string, where = root, ...more: string[]) =>
      assertRejects(() => makeManifest(set, where, out, ...more), Error, sentence);
    await refusal("disfa", "does not exist", join(root, "nowhere"));
    for (const set of ["affectnet", "rafdb", "disfa", "bp4d", "gft", "folder", "csv"]) {
      await refusal(set, "is an empty folder", join(root, "empty"));
    }
    await refusal(
      "affectnet",
      "neither training.csv and validation.csv (AffectNet's older release) nor train_set/",
    );
    await refusal("rafdb", "no EmoLabel/list_patition_label.txt");
    await refusal("disfa", "no folder ActionUnit_Labels");
    await refusal("bp4d", "no folder AU_OCC");
    await refusal("gft", "no tables of action units");
    await refusal("folder", "holds no pictures");
    await refusal("csv", "no .csv; name the table by --table=");
    await refusal("ck+", "is no data set; they are affectnet, rafdb, disfa, bp4d, gft, folder, csv");
    await assertRejects(() => makeManifest("folder", root, join(root, "faces")), Error, "lies in --root");
    await assertRejects(() => makeManifest("folder", root, root), Error, "lies in --root");
    await refusal("folder", "--size=8: it must be a whole number", root, "--size=8");
    await refusal(
      "folder",
      "--points=mine is neither finder nor set nor the file of a table",
      root,
      "--points=mine",
    );
    await refusal("folder", "--colour", root, "--colour=red");

    writeTree(root, {
      "ActionUnit_Labels/SN001/SN001_au1.txt": "1,0\n",
      "AU_OCC/F001_T1.csv": "0,1\n1,0\n",
      "AU_OCC/deep/readme.txt": "",
      "training.csv": "subDirectory_filePath,expression\n1/a.jpg,0\n",
      "list_patition_label.txt": "train_00001.jpg 5\n",
      "other/1.jpg": await picture(A),
    });
    await refusal("disfa", "no folder Videos_LeftCamera");
    await refusal("disfa", "--camera=top is left or right", root, "--camera=top");
    await refusal("bp4d", "neither folders with pictures like F001/T1/0001.jpg nor videos");
    await refusal("affectnet", "names, such as 1/a.jpg, are neither in");
    await refusal("rafdb", "no pictures in Image/original or Image/aligned");
    await refusal("gft", "no videos, one a participant");
    await refusal("folder", "is named after an emotion; they are neutral, happy");
    writeTree(root, { "sad/1.jpg": "no picture" });
    await refusal("folder", "brings no landmarks", root, "--points=set");
    await refusal("folder", "Not one face could be aligned");
    await refusal("folder", 'was begun with {"set":"folder","size":256', root, "--size=128");
  });
});

describe("Ffmpeg", () => {
  const frames = async (path: string) => {
    const ffmpeg = await Ffmpeg.open(), stream = ffmpeg.frames(path, (position) => position % 2 === 0);
    const seen: (readonly [number, boolean])[] = [];
    for (let next = await stream.next();; next = await stream.next()) {
      if (next.done) return { seen, reason: next.value };
      seen.push([next.value.position, next.value.pixels !== undefined]);
    }
  };

  it("hands over every frame once, also where a video keeps no steady pace", async () => {
    const path = join(folder, "uneven.mp4");
    await writeVideo(path, [A, B, C, D], {
      more: ["-vf", "setpts=N*N*N/TB/20", "-fps_mode", "passthrough"],
    });
    const { seen, reason } = await frames(path);
    assertEquals(seen, [[0, true], [1, false], [2, true], [3, false]]);
    assertEquals(reason, undefined);
  });

  it("stops where a video is broken, so that no label goes to a neighbour, and takes the repaired one", async () => {
    const root = join(folder, "cut"), out = join(folder, "cut_out");
    const video = join(root, "Videos_LeftCamera/LeftVideoSN001_comp.avi");
    await writeVideo(video, [A, B, C, D]);
    const whole = Deno.readFileSync(video);
    // The third frame's picture is overwritten; the fourth is whole.
    const third = [...starts(whole)][2], damaged = whole.slice();
    damaged.fill(0, third, third + 400);
    Deno.writeFileSync(video, damaged);
    writeTree(root, { "ActionUnit_Labels/SN001/SN001_au1.txt": "1,1\n2,2\n3,3\n4,4\n" });
    const cut = await makeManifest("disfa", root, out);
    assertEquals(cut.lines.map(({ frame, photo }) => [frame, headAt(photo.points, FRONTAL)]), [[1, A], [
      2,
      B,
    ]]);
    assertEquals(cut.problems[0][0], "unreadable files");
    assertStringIncludes(cut.problems[0][1], "LeftVideoSN001_comp.avi: ends after frame 2 (");
    assertEquals(cut.problems[1][2], "2", "the labels of the other two are counted");

    Deno.writeFileSync(video, whole);
    const repaired = await makeManifest("disfa", root, out);
    assertEquals(repaired.lines.map(({ photo }) => headAt(photo.points, FRONTAL)), [A, B, C, D]);
    assertEquals(repaired.problems, []);
  });
});

/** Where the JPEGs in a file start. */
function* starts(bytes: Uint8Array): Generator<number> {
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i] === 0xff && bytes[i + 1] === 0xd8 && bytes[i + 2] === 0xff) yield i;
  }
}
