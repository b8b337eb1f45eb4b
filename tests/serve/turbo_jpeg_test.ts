import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { openTurboJpeg } from "../../serve/turbo_jpeg.ts";
import { mended } from "@emoco/web/jpeg-damage";
import { type Bytes, bytesOf, picture } from "./decoding.ts";

describe("libjpeg-turbo, after a picture that it did not finish", () => {
  const size = { width: 60, height: 44 }, whole = { shrink: 1, x: 0, y: 0, width: 0, height: 0 };
  const open = () => {
    const turbo = openTurboJpeg();
    assert(turbo, "the library comes with the packages on Linux");
    return turbo;
  };
  let jpeg: Bytes, cut: Bytes;
  beforeAll(async () => {
    jpeg = await bytesOf(picture(size.width, size.height).jpeg());
    cut = mended(jpeg.slice(0, -200), { lacksEnd: true });
  });

  const unfinished: { [why: string]: (turbo: ReturnType<typeof open>) => unknown } = {
    "whose header says another size": (turbo) => turbo.decode(jpeg, { width: 61, height: 44 }, whole),
    "of which no such part can be had": (turbo) =>
      turbo.decode(jpeg, size, { ...whole, x: 3, width: 32, height: 32 }),
    "that is cut off": (turbo) => turbo.decode(cut, size, whole),
    "that is none": (turbo) => turbo.decode(cut.slice(0, 30), size, whole),
  };
  for (const [why, start] of Object.entries(unfinished)) {
    it(`decodes and judges the next ones, after one ${why}`, () => {
      const turbo = open(), expected = open().decode(jpeg, size, whole);
      assertEquals(start(turbo), undefined);
      assertEquals(turbo.decode(jpeg, size, whole), expected);
      assertEquals(start(turbo), undefined);
      assertStringIncludes(turbo.complaints(cut).join(), "premature end");
      assertEquals(turbo.complaints(jpeg), []);
    });
  }
});
