/** Films as people have them, made by ffmpeg and read back: which frames, of what size, at what times, and what is said. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ffmpeg, FilmError, type FilmPart } from "../../tools/films/film.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe("Film", () => {
  let folder: string, ffmpeg: Ffmpeg;
  const file = (name: string) => join(folder, name);
  const make = async (name: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command("ffmpeg", {
      args: ["-v", "error", "-y", ...args, file(name)],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  /** Twelve frames at 10 a second, each lighter than the one before. */
  const STAIRS = ["-f", "lavfi", "-i", "color=black:s=64x48:r=10:d=1.2,geq=lum='40+15*N':cb=128:cr=128"];
  const read = async (path: string, part?: FilmPart) => {
    const film = ffmpeg.open(path, part), frames = film.frames();
    const seen: { number: number; time: number; size: string; grey: number; left: number }[] = [];
    for (;;) {
      const { done, value } = await frames.next();
      if (done) return { seen, ending: value, duration: film.duration };
      const { width, height, data } = value.pixels;
      const grey = (x: number, y: number) => data[4 * (y * width + x) + 1];
      seen.push({
        number: value.number,
        time: Number(value.time.toFixed(3)),
        size: `${width}x${height}`,
        grey: grey(width >> 1, height >> 1),
        left: grey(1, height >> 1),
      });
    }
  };

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    ffmpeg = await Ffmpeg.find();
    await make("stairs.mkv", ...STAIRS, "-c:v", "ffv1");
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  it("gives every frame with its place and time", async () => {
    const { seen, ending, duration } = await read(file("stairs.mkv"));
    assertEquals(seen.map(({ number }) => number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    seen.forEach(({ time }, i) => assertAlmostEquals(time, i / 10, 1e-3));
    for (let i = 1; i < 12; i++) assert(seen[i].grey > seen[i - 1].grey + 10, `frame ${i}`);
    assertEquals([ending, seen[0].size, duration], [undefined, "64x48", 1.2]);
  });

  it("takes every third frame, and a part, by the film's own numbers and times", async () => {
    const third = await read(file("stairs.mkv"), { every: 3 });
    assertEquals(third.seen.map(({ number, time }) => [number, time]), [[0, 0], [3, 0.3], [6, 0.6], [
      9,
      0.9,
    ]]);
    const all = await read(file("stairs.mkv")), part = await read(file("stairs.mkv"), { from: 0.5, to: 0.9 });
    assertEquals(part.seen.map(({ time }) => time), [0.5, 0.6, 0.7, 0.8]);
    assertEquals(part.seen.map(({ grey }) => grey), all.seen.slice(5, 9).map(({ grey }) => grey));
    assertAlmostEquals(part.duration!, 0.4, 1e-6);
    await assertRejects(
      () => read(file("stairs.mkv"), { from: 5 }),
      FilmError,
      "no frame in the part asked for",
    );
  });

  it("keeps each frame's own time where the rate varies", async () => {
    const kept = [0, 1, 2, 5, 6, 9, 11], gone = [3, 4, 7, 8, 10];
    const select = `select='not(${gone.map((n) => `eq(n,${n})`).join("+")})'`;
    await make("varied.mkv", ...STAIRS, "-vf", select, "-fps_mode", "passthrough", "-c:v", "ffv1");
    const { seen } = await read(file("varied.mkv"));
    assertEquals(seen.map(({ time }) => time), kept.map((n) => n / 10));
  });

  it("turns films of phones upright and makes pixels square", async () => {
    await make("flat.mp4", "-f", "lavfi", "-i", "testsrc=s=96x64:r=5:d=0.4", "-pix_fmt", "yuv420p");
    await make("turned.mp4", "-i", file("flat.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90");
    assertEquals((await read(file("turned.mp4"))).seen.map(({ size }) => size), ["64x96", "64x96"]);
    await make("wide.mkv", ...STAIRS, "-vf", "setsar=3/2", "-c:v", "ffv1");
    assertEquals((await read(file("wide.mkv"))).seen[0].size, "96x48");
  });

  it("reads ten bits, odd sizes, and films without sound or a length", async () => {
    await make("deep.mkv", ...STAIRS, "-pix_fmt", "yuv420p10le", "-c:v", "ffv1");
    const deep = await read(file("deep.mkv")), flat = await read(file("stairs.mkv"));
    deep.seen.forEach(({ grey }, i) => assertAlmostEquals(grey, flat.seen[i].grey, 2));
    await make("odd.mkv", ...STAIRS, "-vf", "scale=61:47,setsar=1", "-pix_fmt", "yuv444p", "-c:v", "ffv1");
    assertEquals((await read(file("odd.mkv"))).seen[11].size, "61x47");
    await make("stream.mjpeg", ...STAIRS, "-c:v", "mjpeg");
    const { seen, duration } = await read(file("stream.mjpeg"));
    assertEquals([seen.length, duration], [12, undefined]);
  });

  it("keeps what was read of a film with a broken tail, and says what broke", async () => {
    const whole = Deno.readFileSync(fixture("smile.webm")), broken = whole.slice();
    crypto.getRandomValues(broken.subarray(broken.length * 0.6 | 0, broken.length * 0.75 | 0));
    Deno.writeFileSync(file("broken.webm"), broken);
    const all = await read(fixture("smile.webm")), part = await read(file("broken.webm"));
    assertEquals(all.ending, undefined);
    assert(part.seen.length >= 10 && part.ending, `${part.seen.length} frames, ${part.ending}`);
    assertEquals(part.seen.slice(0, 10), all.seen.slice(0, 10));
  });

  it("says in a sentence what is no film", async () => {
    Deno.writeFileSync(file("empty.mp4"), new Uint8Array());
    Deno.copyFileSync(fixture("astronaut.jpg"), file("picture.mp4"));
    Deno.writeTextFileSync(file("text.mp4"), "no film at all");
    for (
      const [path, sentence] of [
        [file("empty.mp4"), "The file is empty (0 bytes)."],
        [file("picture.mp4"), "It is a picture (jpeg), not a film: give it its own ending."],
        [file("text.mp4"), "No frame of it can be decoded ("],
        [fixture("sound.webm"), "It has no video track."],
        [file("none.mp4"), "There is no such file."],
        [folder, "It is a folder."],
      ]
    ) await assertRejects(() => read(path), FilmError, sentence);
    await assertRejects(() => Ffmpeg.find("no-such-ffmpeg"), FilmError, "not on the PATH: install it");
  });

  it("stops ffmpeg when nobody wants more", async () => {
    await make("long.mkv", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=20", "-c:v", "mjpeg");
    const frames = ffmpeg.open(file("long.mkv")).frames();
    await frames.next();
    await frames.return(undefined); // hangs where the process is not ended: a pipe that nobody reads is full
    assertEquals((await frames.next()).done, true);
  });
});
