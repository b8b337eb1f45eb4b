/** A built edge in a process of its own that may read its folder and answer this machine, nothing else. */
import { fileURLToPath } from "node:url";

const HOST = fileURLToPath(new URL("host.ts", import.meta.url));

/** A running edge. */
export class HostedEdge {
  private constructor(readonly process: Deno.ChildProcess, readonly url: string) {}

  /** Starts the edge that `deno task build-edge` has written to `folder`, an absolute path. */
  static async start(folder: string): Promise<HostedEdge> {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--no-config", "--unstable-no-legacy-abort"],
        ...[`--allow-read=${folder}`, "--allow-net=127.0.0.1", HOST, folder],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await lines.read();
    await lines.cancel();
    if (value) return new HostedEdge(process, `http://127.0.0.1:${value.trim()}`);
    await process.status;
    throw new Error("The edge has ended; what it wrote stands above.");
  }

  /** Its resident memory in bytes. */
  async memory(): Promise<number> {
    return Number(await (await fetch(`${this.url}/rss`)).text());
  }

  /** Sends a JPEG; the answer must be 200. */
  async detect(jpeg: Uint8Array<ArrayBuffer>): Promise<unknown> {
    const response = await fetch(`${this.url}/v1/detect`, {
      method: "POST",
      body: jpeg,
      headers: { "content-type": "image/jpeg" },
    });
    const answer = await response.json();
    if (response.status !== 200) {
      throw new Error(`The edge answers ${response.status}: ${JSON.stringify(answer)}`);
    }
    return answer;
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.process.kill("SIGTERM");
    await this.process.status;
  }
}
