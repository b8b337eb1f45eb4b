import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { JPEG, readPortrait } from "./local.ts";
import { startTiny } from "./tiny_server.ts";

describe("a server whose clients dawdle", () => {
  it("ends bodies that come too slowly, and answers others meanwhile", async () => {
    const portrait = await readPortrait();
    const hurried = await startTiny(["--workers=1", "--queue=30", "--deadline=4"]);
    const { hostname, port } = new URL(hurried.url);
    const head =
      "POST /v1/detect HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: 50000\r\n\r\n";
    const slow = await Promise.all(Array.from({ length: 60 }, async () => {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      await connection.write(new TextEncoder().encode(head));
      await connection.write(portrait.subarray(0, 1000));
      return connection;
    }));
    const response = await fetch(`${hurried.url}/v1/detect`, {
      method: "POST",
      body: portrait,
      headers: JPEG,
    }); // sixty is twice the queue: who only sends slowly holds no place in it
    assertEquals(response.status, 200);
    await response.body?.cancel();
    for (const connection of slow) {
      const buffer = new Uint8Array(4000);
      const length = await connection.read(buffer);
      assertStringIncludes(new TextDecoder().decode(buffer.subarray(0, length ?? 0)), "HTTP/1.1 408");
      connection.close();
    }
    assertEquals(await hurried.end(), 0);
  });
});
