/** A look into a page and its worker through Chromium's protocol: their heaps and the memory of the worker's wasm. */
import type { CDPSession, Page } from "playwright-core";

/** Bytes that page and worker hold after a forced collection. */
export interface Held {
  /** All that V8 holds in use, code that it compiled included. */
  readonly pageHeap: number;
  readonly workerHeap: number;
  /** JavaScript's objects only, without V8's code and the browser's own objects. */
  readonly pageObjects: number;
  readonly workerObjects: number;
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

/** Collections with a reading after each. */
const READINGS = 10;

/** Asks page or worker through the protocol. */
type Ask = (method: Asked, params?: object) => Promise<unknown>;
type Asked = "HeapProfiler.collectGarbage" | "Runtime.getHeapUsage" | "HeapProfiler.takeHeapSnapshot";

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

  /** Collects garbage and measures. */
  async measure(): Promise<Held> {
    const page = (method: Asked, params?: object) => this.session.send(method, params);
    const worker = (method: Asked, params?: object) => this.#ask(method, params);
    const { result } = await this.#ask("Runtime.evaluate", {
      expression: "memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)",
    }) as { result: { value: number } };
    return {
      pageHeap: await this.#heap(page),
      workerHeap: await this.#heap(worker),
      pageObjects: await this.#objects(page),
      workerObjects: await this.#objects(worker),
      wasm: result.value,
    };
  }

  /** The least of several: frames go on, and what they leave between collection and reading is not held. */
  async #heap(ask: Ask): Promise<number> {
    let least = Infinity;
    for (let i = 0; i < READINGS; i++) {
      await ask("HeapProfiler.collectGarbage");
      const { usedSize } = await ask("Runtime.getHeapUsage") as { usedSize: number };
      least = Math.min(least, usedSize);
    }
    return least;
  }

  async #objects(ask: Ask): Promise<number> {
    this.#chunks = [];
    await ask("HeapProfiler.takeHeapSnapshot", { reportProgress: false }); // it collects before
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
