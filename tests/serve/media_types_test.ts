/** Every spelling of a media type and of a form that the standards allow. */
import { assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { createApp } from "@emoco/serve";
import sharp from "sharp";
import { parseMediaType } from "../../serve/media_type.ts";
import { assertRefused, openLocal } from "./local.ts";

describe("parseMediaType", () => {
  it("reads what RFC 9110 allows", () => {
    const read = (header: string) => {
      const type = parseMediaType(header);
      return type && [type.essence, ...[...type.parameters].flat()];
    };
    assertEquals(read("image/jpeg"), ["image/jpeg"]);
    assertEquals(read("IMAGE/JPEG;"), ["image/jpeg"]);
    assertEquals(read(" multipart/form-data ;\tBoundary=x ; ; charset=UTF-8 "), [
      "multipart/form-data",
      "boundary",
      "x",
      "charset",
      "UTF-8",
    ]);
    assertEquals(read('a/b;boundary="x;y\\"z w"'), ["a/b", "boundary", 'x;y"z w']);
    assertEquals(read("a/b; boundary=x:y?z/(1)=2"), ["a/b", "boundary", "x:y?z/(1)=2"]);
    assertEquals(read("a/b; x=1; X=2"), ["a/b", "x", "1"]);
    assertEquals(
      ["", "image", "/jpeg", "image/", "a b/c", "a/b c", 'a/b; x="', "a/b, c/d"].map(read),
      Array(8).fill(undefined),
    );
  });
});

describe("the app's pictures", () => {
  let app: ReturnType<typeof createApp>, png: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    app = createApp(await openLocal());
    png = new Uint8Array(
      await sharp({ create: { width: 40, height: 30, channels: 3, background: "#369" } }).png().toBuffer(),
    );
  });
  const post = async (body: BodyInit, type: string) =>
    await app.request("/v1/detect", { method: "POST", body, headers: { "content-type": type } });
  const sizes = async (response: Response) =>
    ((await response.json()).images as { width: number; name?: string }[]).map((
      { width, name },
    ) => [width, name]);
  const part = (
    headers: string,
    content: Uint8Array<ArrayBuffer> | string = png,
  ) => ["--B\r\n", headers, "\r\n\r\n", content, "\r\n"];
  const form = (...parts: (string | Uint8Array<ArrayBuffer>)[][]) => new Blob([...parts.flat(), "--B--\r\n"]);
  const FILE = 'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png';

  it("come as any media type that pictures have", async () => {
    const types = [
      "image/jpeg",
      "image/jpg",
      "Image/PNG",
      "image/webp",
      "image/png; charset=binary",
      "image/jpeg ;q=1;",
      "application/octet-stream",
      'APPLICATION/OCTET-STREAM; x="y;z"',
      "image/pjpeg",
      "binary/octet-stream",
    ];
    for (const type of types) assertEquals([type, (await post(png, type)).status], [type, 200]);
    for (
      const type of [
        "text/plain",
        "image/gif",
        "application/json",
        "image",
        "image/jpeg, image/png",
        "application/x-www-form-urlencoded",
      ]
    ) {
      await assertRefused(await post(png, type), 415, "unsupported-type");
    }
  });

  it("come in forms whose type is spelt in any way", async () => {
    const spellings = [
      "multipart/form-data; boundary=B",
      "multipart/form-data; charset=UTF-8; boundary=B",
      "multipart/form-data; boundary=B; charset=UTF-8",
      "multipart/form-data;  boundary=B",
      "multipart/form-data;boundary=B;",
      "multipart/form-data\t;\tboundary=B",
      'multipart/form-data; boundary="B"',
      "Multipart/Form-Data; BOUNDARY=B",
      "multipart/form-data;; boundary=B ; ;",
    ];
    for (const type of spellings) {
      assertEquals([type, await sizes(await post(form(part(FILE)), type))], [type, [[40, "a.png"]]]);
    }
    const odd = "a'()+_,-./:=? b";
    const body = new Blob([`--${odd}\r\n${FILE}\r\n\r\n`, png, `\r\n--${odd}--`]);
    assertEquals(await sizes(await post(body, `multipart/form-data; boundary="${odd}"`)), [[40, "a.png"]]);
  });

  it("come in parts that are written in any way", async () => {
    const type = "multipart/form-data; boundary=B";
    const base64 = btoa(String.fromCharCode(...png)).replace(/.{76}/g, "$&\r\n");
    const written: [string, string, (Uint8Array<ArrayBuffer> | string)?][] = [
      ["content-disposition:form-data;name=image;filename=a.png", "a.png"],
      [
        'Content-Type: image/png\r\nX-Other: 1\r\nContent-Disposition: Form-Data; filename="a b.png"; name="image"',
        "a b.png",
      ],
      ['Content-Disposition: form-data; name="image"; filename="x\\"y.png"', 'x"y.png'],
      ['Content-Disposition: form-data; name="image"; filename="x%22y.png"', 'x"y.png'],
      ['Content-Disposition: form-data; name="image"; filename="naïve.png"', "naïve.png"],
      ["Content-Disposition: form-data; name=\"image\"; filename*=UTF-8''na%C3%AFve.png", "naïve.png"],
      [
        'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Transfer-Encoding: base64',
        "a.png",
        base64,
      ],
      [
        'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Transfer-Encoding: binary',
        "a.png",
      ],
    ];
    for (const [headers, name, content] of written) {
      assertEquals([headers, await sizes(await post(form(part(headers, content)), type))], [headers, [[
        40,
        name,
      ]]]);
    }
    const nameless = 'Content-Disposition: form-data; name="image"\r\nContent-Type: image/png';
    assertEquals(await sizes(await post(form(part(nameless)), type)), [[40, undefined]]);
    const framed = new Blob([
      "a preamble\r\n--Bx\r\n",
      ...part(FILE),
      ...part(FILE),
      "--B--  \r\nan epilogue",
    ]);
    assertEquals(await sizes(await post(framed, type)), [[40, "a.png"], [40, "a.png"]]);
    const inside = part(FILE, new Uint8Array([...png, ...new TextEncoder().encode("\r\n--Bc --B")]));
    assertEquals(
      await sizes(await post(form(inside), type)),
      [[40, "a.png"]],
      "what looks like a boundary and is none",
    );
  });

  it("are refused with a sentence where the form is none", async () => {
    const type = "multipart/form-data; boundary=B";
    const wrong: [BodyInit, string][] = [
      [new Blob(part(FILE)), "ends before its last boundary"],
      ["nothing", "boundary is nowhere"],
      [form(part("Content-Type: image/png")), "not form-data"],
      [form(part('Content-Disposition: form-data; filename="a.png"')), "has no name"],
      [
        form(
          part(
            'Content-Disposition: form-data; name="image"; filename="a"\r\nContent-Transfer-Encoding: base64',
            "ä",
          ),
        ),
        "base64",
      ],
      [form(part('Content-Disposition: form-data; name="photo"; filename="a.png"')), '"photo"'],
    ];
    for (const [body, message] of wrong) {
      await assertRefused(await post(body, type), 400, "bad-request", message);
    }
    await assertRefused(
      await post(form(part(FILE)), "multipart/form-data"),
      400,
      "bad-request",
      "names no boundary",
    );
  });
});
