/** A built edge in a process of its own that may read its folder and answer this machine, nothing else. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuiltEdge } from "../build_edge.ts";
import { npmFolder, PINNED } from "../npm_packages.ts";
import { type IsolateMemory, readIsolate } from "./isolate.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** A running edge. */
export class HostedEdge {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #url = "";
  /** Of workerd: where its debugger listens. */
  #inspector?: number;

  private constructor(command: string, args: readonly string[]) {
    this.#process = new Deno.Command(command, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = linesOf(this.#process.stdout).getReader();
  }

  /** Starts the edge that `deno task build-edge` has written to an absolute path. */
  static async start({ folder, target }: Pick<BuiltEdge, "folder" | "target">): Promise<HostedEdge> {
    if (target === "workerd") return await HostedEdge.#startWorkerd(folder);
    const host = path("deno/host.ts");
    const edge = target === "node"
      ? new HostedEdge("node", [join(folder, "server.js"), "0"])
      : new HostedEdge(
        Deno.execPath(),
        [
          ...["run", "--no-prompt", "--no-config", "--unstable-no-legacy-abort"],
          ...[`--allow-read=${folder}`, "--allow-net=127.0.0.1", host, folder],
        ],
      );
    edge.#url = await edge.#line();
    return edge;
  }

  static async #startWorkerd(folder: string): Promise<HostedEdge> {
    const packages = join(await npmFolder(PINNED.workerd), "node_modules");
    const arch = Deno.build.arch === "aarch64" ? "arm64" : "64";
    const binary = join(packages, `@cloudflare/workerd-${Deno.build.os}-${arch}/bin/workerd`);
    const edge = new HostedEdge("node", [path("workerd/host.mjs"), binary, join(folder, "workerd.capnp")]);
    while (!edge.#url || !edge.#inspector) {
      const { event, port } = JSON.parse(await edge.#line());
      if (event === "listen") edge.#url = `http://127.0.0.1:${port}`;
      else if (event === "listen-inspector") edge.#inspector = port;
    }
    return edge;
  }

  /** Where it answers. */
  get url(): string {
    return this.#url;
  }

  /** Resident memory of its process in bytes; of Deno and workerd. */
  async memory(): Promise<number> {
    if (!this.#inspector) return Number(await (await fetch(`${this.url}/rss`)).text());
    return (await this.#weigh()).memory;
  }

  /** Milliseconds of processor time that workerd's process has used, in all its threads. */
  async processorTime(): Promise<number> {
    return (await this.#weigh()).processor;
  }

  /** What workerd's isolate holds. */
  isolate(): Promise<IsolateMemory> {
    return readIsolate(`ws://127.0.0.1:${this.#inspector}/edge`);
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
    await this.#process.stdin.close();
    if (!this.#inspector) this.#process.kill("SIGTERM");
    await this.#lines.cancel();
    await this.#process.status;
  }

  async #weigh(): Promise<{ memory: number; processor: number }> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("\n"));
    writer.releaseLock();
    return JSON.parse(await this.#line());
  }

  async #line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value !== undefined) return value;
    await this.#process.status;
    throw new Error("The edge has ended; what it wrote stands above.");
  }
}

function linesOf(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  let rest = "";
  return bytes.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream({
      transform(text, controller) {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        for (const line of lines) controller.enqueue(line);
      },
    }),
  );
}
