/** Films as players show them: cut without recoding, beginning late, ending early, first times that are not 0. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { Ffmpeg } from "../../../tools/manifest/video.ts";
import { openContext, ServedPage, settled, startChromium } from "../../../tools/web/browser.ts";
import { readEdits } from "../../../web/page/edit_list.ts";

let folder: string;
/** Films by name, and what a player shows: the time and the number of each frame of the whole film. */
const FILMS: Record<string, { make: string[]; trim?: number; shown: [time: number, frame: number][] }> = {
  "cut.mp4": { make: ["-ss", "1", "-i", "whole.mp4", "-c", "copy"], shown: range(5, (i) => [i / 5, i + 5]) },
  "late.mp4": {
    make: [
      ..."-itsoffset 1 -i whole.mp4 -f lavfi -i anullsrc -map 0:v -map 1:a -c:v copy -c:a aac -t 3".split(
        " ",
      ),
    ],
    shown: range(10, (i) => [1 + i / 5, i]),
  },
  "ends.mp4": { make: ["-i", "whole.mp4", "-c", "copy"], trim: 1200, shown: range(6, (i) => [i / 5, i]) },
  "offset.mkv": {
    make: ["-i", "whole.mp4", "-c", "copy", "-output_ts_offset", "5"],
    shown: range(10, (i) => [i / 5, i]),
  },
};

function range<T>(count: number, of: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => of(i));
}

async function ffmpeg(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ffmpeg", {
    args: ["-v", "error", "-y", ...args],
    cwd: folder,
  })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Writes how much of the track is shown, in milliseconds, into the film's only edit. */
function trim(path: string, duration: number): void {
  const bytes = Deno.readFileSync(path), view = new DataView(bytes.buffer);
  const at = Buffer.from(bytes.buffer).indexOf("elst");
  view.setUint32(at + 12, duration);
  Deno.writeFileSync(path, bytes);
}

describe("films as players show them", () => {
  let served: ServedPage, browser: Browser, page: Page;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    // Ten frames in two seconds, each of its own grey, with one frame that stands alone.
    const grey = "color=black:s=96x64:r=5:d=2,geq=lum='40+15*N':cb=128:cr=128";
    await ffmpeg(
      "-f",
      "lavfi",
      "-i",
      grey,
      "-c:v",
      "libvpx-vp9",
      "-g",
      "999",
      "-lag-in-frames",
      "0",
      "whole.mp4",
    );
    for (const [name, film] of Object.entries(FILMS)) {
      await ffmpeg(...film.make, name);
      if (film.trim) trim(join(folder, name), film.trim);
    }
    served = await ServedPage.start();
    browser = await startChromium();
    ({ page } = await openContext(browser, served.url, "wasm"));
    await settled(page);
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
    await Deno.remove(folder, { recursive: true });
  });

  for (const [name, { shown }] of Object.entries(FILMS)) {
    it(`are analysed frame by frame at their times: ${name}`, async () => {
      const buffer = Buffer.from(await Deno.readFile(join(folder, name)));
      await page.setInputFiles("input[type=file]", { name, mimeType: "", buffer });
      await page.getByText(`${name} is analysed: ${shown.length} frames`).waitFor();
      await page.locator("#save summary").click();
      const [csv] = await Promise.all([page.waitForEvent("download"), page.locator("#save-csv").click()]);
      const rows = (await Deno.readTextFile((await csv.path())!)).trim().split("\n").slice(1);
      const times = rows.map((row) => Number(row.split(",")[0]));
      times.forEach((time, i) => assertAlmostEquals(time, shown[i][0], 0.01, `frame ${i}`));
      assertEquals(times.length, shown.length);
      for (const [time, frame] of [shown[0], shown[shown.length - 1]]) {
        await page.locator("#seek").fill(`${time + 0.05}`);
        const grey =
          `document.querySelector("#stage canvas").getContext("2d").getImageData(9, 9, 1, 1).data[0]`;
        const wanted = Math.round((40 + 15 * frame - 16) * 255 / 219);
        let seen = NaN; // until the frame is there
        for (let i = 0; i < 300 && !(Math.abs(seen - wanted) < 7); i++) {
          seen = await page.evaluate(grey) as number;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        assertAlmostEquals(seen, wanted, 7, `frame ${frame}`);
      }
    });

    it(`give manifest the same frames: ${name}`, async () => {
      const frames = (await Ffmpeg.open()).frames(join(folder, name), () => true), greys: number[] = [];
      for (let next = await frames.next(); !next.done; next = await frames.next()) {
        greys.push(next.value.pixels!.data[0]);
      }
      assertEquals(greys.length, shown.length);
      greys.forEach((grey, i) => assertAlmostEquals(grey, (40 + 15 * shown[i][1] - 16) * 255 / 219, 7));
    });
  }

  it("give manifest square pixels, whichever way theirs are stretched", async () => {
    const stretched = [["360x512", "64/45", [512, 512]], ["512x360", "45/64", [512, 512]], ["96x64", "1", [
      96,
      64,
    ]]] as const;
    for (const [size, sar, shown] of stretched) {
      const film = [
        "-f",
        "lavfi",
        "-i",
        `color=red:s=${size}:d=0.2:r=5`,
        "-vf",
        `setsar=${sar}`,
        "-c:v",
        "mpeg4",
        "sar.mp4",
      ];
      await ffmpeg(...film);
      const frames = (await Ffmpeg.open()).frames(join(folder, "sar.mp4"), () => true);
      const { value } = await frames.next();
      if (typeof value !== "object") throw new Error("no frame");
      assertEquals([value.pixels!.width, value.pixels!.height], [...shown]);
      await frames.next(); // there is no other
    }
  });

  it("are read by every kind of edit", async () => {
    const box = (kind: string, ...parts: (number[] | Uint8Array)[]): Uint8Array => {
      const body = parts.flatMap((part) => [...part]);
      return Uint8Array.from([...u32(8 + body.length), ...new TextEncoder().encode(kind), ...body]);
    };
    const u32 = (value: number) => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
    const elst = box(
      "elst",
      u32(0),
      u32(4),
      [500, -1, 2000, 9000, 250, -1, 1000, 45_000].map((
        value,
        i,
      ) => [...u32(value >>> 0), ...i % 2 ? u32(0x10000) : []]).flat(),
    );
    const track = (id: number, ...edts: Uint8Array[]) =>
      box(
        "trak",
        box("tkhd", u32(0), u32(0), u32(0), u32(id)),
        ...edts,
        box("mdia", box("mdhd", u32(0), u32(0), u32(0), u32(90_000))),
      );
    const moov = box(
      "moov",
      box("mvhd", u32(0), u32(0), u32(0), u32(1000)),
      track(1),
      track(2, box("edts", elst)),
    );
    const file = new Blob(
      [box("ftyp", u32(0)), box("mdat", new Uint8Array(100)), moov] as Uint8Array<ArrayBuffer>[],
    );
    assertEquals(await readEdits(file, 2), [
      { at: 0.5, media: 0.1, duration: 2 },
      { at: 2.75, media: 0.5, duration: 1 },
    ]);
    assertEquals(await readEdits(file, 1), []);
    assertEquals(await readEdits(new Blob(["no film at all, but long enough"]), 1), []);
    assertEquals(await readEdits(file.slice(0, file.size - 30), 2).then((edits) => edits.length <= 2), true);
  });
});
