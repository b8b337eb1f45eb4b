/** A look into the page's worker through Chromium's protocol: its heap and the memory of its wasm. */
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

/** Watches the worker of a page from its start; made before the page is opened. */
export class WorkerProbe {
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;
  #worker?: string;

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
      const { id, result, error } = JSON.parse(message);
      if (error) probe.#answers.get(id)?.reject(new Error(error.message));
      else probe.#answers.get(id)?.resolve(result);
    });
    const options = { autoAttach: true, waitForDebuggerOnStart: true, flatten: false };
    await session.send("Target.setAutoAttach", options);
    await session.send("HeapProfiler.enable");
    return probe;
  }

  /** Collects garbage and measures. */
  async measure(): Promise<Held> {
    await this.session.send("HeapProfiler.collectGarbage");
    const page = await this.session.send("Runtime.getHeapUsage");
    await this.#ask("HeapProfiler.collectGarbage");
    const worker = await this.#ask("Runtime.getHeapUsage") as { usedSize: number };
    const { result } = await this.#ask("Runtime.evaluate", {
      expression: "memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)",
    }) as { result: { value: number } };
    return { pageHeap: page.usedSize, workerHeap: worker.usedSize, wasm: result.value };
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
