/** Standard clients as they come, against a server of their own: Triton's for Python, HTTP/1.0, a token from elsewhere. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Served } from "../../tools/served.ts";
import { JPEG, readPortrait } from "./local.ts";
import { startTiny } from "./tiny_server.ts";
import { tritonClient } from "./triton_client.ts";

/** Sends bytes on a connection and reads to its end. */
async function talk(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

describe("a server and standard clients", () => {
  it("answers tritonclient[http] unchanged: JSON and bytes, versions, packed bodies, errors that can be printed", async () => {
    const server = await startTiny();
    try {
      const said = await tritonClient(server.url, TRITON);
      const probabilities = said["json json"];
      assertEquals([said.live, said.ready, said.model, said.version], [true, true, true, true]);
      assertEquals(said.server, ["emoco", ["binary_tensor_data"]]);
      assertEquals(said.metadata, [{ name: "image", datatype: "FP32", shape: [-1, 3, 32, 32] }]);
      for (
        const way of [
          "json binary",
          "binary json",
          "binary binary",
          "binary all",
          "gzip",
          "deflate",
          "versioned",
        ]
      ) {
        assertEquals([way, said[way]], [way, probabilities]);
      }
      assertEquals(said["no model"], 'There is no model of that name; this one is "tiny".');
      assertEquals(said["no version"], 'There is no such version of "tiny"; this one is "1.0.0".');
      assertStringIncludes(said["wrong shape"] as string, "[N, 3, 32, 32]");
      assertStringIncludes(said["no output"] as string, "The model has no output of the name asked for");
    } finally {
      assertEquals(await server.end(), 0);
    }
  });

  it("answers HTTP/1.0 without Host, and an empty stream in a sentence", async () => {
    const server = await startTiny();
    try {
      const answer = await talk(server.url, "GET /v2/health/live HTTP/1.0\r\n\r\n");
      assertStringIncludes(answer, " 200 ");
      assertStringIncludes(answer, '{"live":true}');
      for (const empty of ["content-length: 0\r\n\r\n", "transfer-encoding: chunked\r\n\r\n0\r\n\r\n"]) {
        const refused = await talk(
          server.url,
          `POST /v1/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: video/x-motion-jpeg\r\n${empty}`,
        );
        assertStringIncludes(refused, "The stream is empty: it has no frame.");
        assertStringIncludes(refused, "image-empty");
      }
    } finally {
      assertEquals(await server.end(), 0);
    }
  });

  it("takes the token from a file or the environment", async () => {
    const portrait = await readPortrait(), folder = await Deno.makeTempDir();
    const ask = async (url: string, token: string) => {
      const response = await fetch(`${url}/v1/detect`, {
        method: "POST",
        body: portrait,
        headers: { ...JPEG, authorization: `Bearer ${token}` },
      });
      await response.body?.cancel();
      return response.status;
    };
    await Deno.writeTextFile(`${folder}/token`, "from.file\n");
    const server = await startTiny(["--workers=1", `--token-file=${folder}/token`]);
    try {
      assertEquals([await ask(server.url, "from.file"), await ask(server.url, "x")], [200, 401]);
      Deno.env.set("EMOCO_TOKEN", "from.environment");
      const other = await Served.start([`--model=${server.folder}`, "--workers=1", "--grace=0"]);
      assertEquals([await ask(other.url, "from.environment"), await ask(other.url, "x")], [200, 401]);
      assertEquals(await other.end(), 0);
    } finally {
      Deno.env.delete("EMOCO_TOKEN");
      await server.end();
      await Deno.remove(folder, { recursive: true });
    }
  });
});

const TRITON = `
import numpy as np
client = http.InferenceServerClient(address)
image = np.linspace(-1, 1, 3 * 32 * 32, dtype=np.float32).reshape(1, 3, 32, 32)

def infer(name, binary_in=True, binary_out=True, outputs=None, shape=None, model="tiny", **more):
    tensor = http.InferInput("image", shape or [1, 3, 32, 32], "FP32")
    tensor.set_data_from_numpy(image.reshape(shape or [1, 3, 32, 32]), binary_data=binary_in)
    wanted = [http.InferRequestedOutput(o, binary_data=binary_out) for o in (outputs or ["probabilities"])]
    try:
        result = client.infer(model, [tensor], outputs=None if outputs == [] else wanted, **more)
        said[name] = [round(float(v), 5) for v in result.as_numpy("probabilities").ravel()]
    except http.InferenceServerException as error:
        said[name] = error.message()
        str(error)

said["live"], said["ready"] = client.is_server_live(), client.is_server_ready()
said["model"], said["version"] = client.is_model_ready("tiny"), client.is_model_ready("tiny", "1.0.0")
server = client.get_server_metadata()
said["server"] = [server["name"], server["extensions"]]
said["metadata"] = client.get_model_metadata("tiny", "1.0.0")["inputs"]
infer("json json", False, False)
infer("json binary", False, True)
infer("binary json", True, False)
infer("binary binary")
infer("binary all", outputs=[])
infer("gzip", request_compression_algorithm="gzip", response_compression_algorithm="gzip")
infer("deflate", request_compression_algorithm="deflate")
infer("versioned", model_version="1.0.0", request_id="7")
infer("no model", model="other")
infer("no version", model_version="2")
infer("wrong shape", shape=[1, 3, 64, 16])
infer("no output", outputs=["nothing"])
`;
