/**
 * The memory of workerd's isolate, asked of V8 through its debugger: a limit of 128 MB is about this, not about the
 * process, which has workerd itself beside it.
 */

/** Bytes. */
export interface IsolateMemory {
  /** The heap of its objects. */
  readonly heap: number;
  /** Memory behind its buffers, the codecs' wasm among them. */
  readonly buffers: number;
  /** What onnxruntime's wasm works in: it may be shared between threads, so that V8 counts it with no isolate. */
  readonly shared: number;
}

/**
 * Reads the memory of the isolate that is debugged at an address.
 * @throws {Error} when the debugger cannot be reached or does not know a question
 */
export async function readIsolate(address: string): Promise<IsolateMemory> {
  const socket = new WebSocket(address);
  const answers = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  let last = 0;
  const ask = async <T>(method: string, params: Record<string, unknown> = {}): Promise<T> => {
    const id = ++last, answer = Promise.withResolvers<Record<string, unknown>>();
    answers.set(id, answer);
    socket.send(JSON.stringify({ id, method, params }));
    return await answer.promise as T;
  };
  const context = Promise.withResolvers<number>();
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  socket.onopen = () => resolve();
  socket.onerror = () => reject(new Error(`The debugger at ${address} cannot be reached.`));
  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(data);
    if (method === "Runtime.executionContextCreated") context.resolve(params.context.id);
    if (error) answers.get(id)?.reject(new Error(`The debugger at ${address}: ${error.message}`));
    else answers.get(id)?.resolve(result);
  };
  try {
    await opened;
    const { totalSize, backingStorageSize } = await ask<{ totalSize: number; backingStorageSize: number }>(
      "Runtime.getHeapUsage",
    );
    await ask("Runtime.enable");
    const { result } = await ask<{ result: { objectId: string } }>("Runtime.evaluate", {
      expression: "WebAssembly.Memory.prototype",
      contextId: await context.promise,
    });
    const { objects } = await ask<{ objects: { objectId: string } }>("Runtime.queryObjects", {
      prototypeObjectId: result.objectId,
    });
    const { result: shared } = await ask<{ result: { value: number } }>("Runtime.callFunctionOn", {
      objectId: objects.objectId,
      functionDeclaration: `function () {
        const isShared = (buffer) => Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";
        return this.map(({ buffer }) => buffer).filter(isShared).reduce((sum, { byteLength }) => sum + byteLength, 0);
      }`,
      returnByValue: true,
    });
    return { heap: totalSize, buffers: backingStorageSize, shared: shared.value };
  } finally {
    socket.close();
  }
}
