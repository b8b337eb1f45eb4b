/** A look into a page and its worker through Chromium's protocol: their heaps and the memory of the worker's wasm. */
import type { CDPSession, Page } from "playwright-core";

/** Bytes that page and worker hold after a forced collection. */
export interface Held {
  readonly pageHeap: number;
  readonly workerHeap: number;
  /** All memories of wasm in the worker. */
  readonly wasm: number;
}

/** Keeps every wasm memory that the worker makes, to ask for its size later. */
const NOTE_MEMORIES = `
  globalThis.memories = [];
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(kind) {
      super(kind);
      memories.push(this);
    }
  };
`;

/** A heap snapshot, as far as it is read here. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly "node_fields": string[]; readonly "node_types": [string[], ...unknown[]] };
  };
  readonly nodes: number[];
}

/** A message of the protocol: an answer has an id, an event a method. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly chunk?: string };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Watches the worker of a page from its start; made before the page is opened. */
export class WorkerProbe {
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;
  #worker?: string;
  /** Of the snapshot that is being taken, of page or worker. */
  #chunks: string[] = [];

  private constructor(private readonly session: CDPSession) {}

  /** Begins to watch. */
  static async attach(page: Page): Promise<WorkerProbe> {
    const session = await page.context().newCDPSession(page), probe = new WorkerProbe(session);
    session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
      if (targetInfo.type === "worker") {
        probe.#worker = sessionId;
        probe.#ask("Runtime.evaluate", { expression: NOTE_MEMORIES }, sessionId);
      }
      probe.#ask("Runtime.runIfWaitingForDebugger", {}, sessionId);
    });
    session.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, method, params, result, error }: Message = JSON.parse(message);
      if (method === "HeapProfiler.addHeapSnapshotChunk") probe.#chunks.push(params?.chunk ?? "");
      if (id === undefined) return;
      if (error) probe.#answers.get(id)?.reject(new Error(error.message));
      else probe.#answers.get(id)?.resolve(result);
    });
    session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => probe.#chunks.push(chunk));
    const options = { autoAttach: true, waitForDebuggerOnStart: true, flatten: false };
    await session.send("Target.setAutoAttach", options);
    await session.send("HeapProfiler.enable");
    return probe;
  }

  /**
   * Collects garbage and measures. The heaps are those of JavaScript's objects: V8's code, which it compiles anew and
   * throws away as it likes (a tenth of the page's heap within minutes), and the browser's own objects are not counted.
   */
  async measure(): Promise<Held> {
    const options = { reportProgress: false };
    const pageHeap = await this.#heap(() => this.session.send("HeapProfiler.takeHeapSnapshot", options));
    const workerHeap = await this.#heap(() => this.#ask("HeapProfiler.takeHeapSnapshot", options));
    const { result } = await this.#ask("Runtime.evaluate", {
      expression: "memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)",
    }) as { result: { value: number } };
    return { pageHeap, workerHeap, wasm: result.value };
  }

  async #heap(take: () => Promise<unknown>): Promise<number> {
    this.#chunks = [];
    await take(); // it collects before
    const { snapshot: { meta }, nodes }: Snapshot = JSON.parse(this.#chunks.join(""));
    this.#chunks = [];
    const type = meta.node_fields.indexOf("type"), size = meta.node_fields.indexOf("self_size");
    const [types] = meta.node_types, apart = ["code", "native"].map((name) => types.indexOf(name));
    let bytes = 0;
    for (let at = 0; at < nodes.length; at += meta.node_fields.length) {
      if (!apart.includes(nodes[at + type])) bytes += nodes[at + size];
    }
    return bytes;
  }

  async #ask(method: string, params: object = {}, sessionId = this.#worker): Promise<unknown> {
    if (!sessionId) throw new Error("The page has started no worker yet.");
    const id = ++this.#asked, answer = Promise.withResolvers<unknown>();
    this.#answers.set(id, answer);
    await this.session.send("Target.sendMessageToTarget", {
      sessionId,
      message: JSON.stringify({ id, method, params }),
    });
    return await answer.promise;
  }
}
