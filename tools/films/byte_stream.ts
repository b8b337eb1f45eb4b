/**
 * What a process writes, by the byte or by the block.
 * @module
 */

/** Bytes of a stream; nothing is read ahead of what is asked for. */
export class ByteStream {
  #chunk = new Uint8Array(0);
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.getReader();
  }

  /** The text up to an ending, with it; undefined where the stream ends before. */
  async until(ending: string): Promise<string | undefined> {
    for (let text = "";;) {
      if (this.#chunk.length === 0 && !await this.#more()) return undefined;
      for (let i = 0; i < this.#chunk.length; i++) {
        text += String.fromCharCode(this.#chunk[i]);
        if (!text.endsWith(ending)) continue;
        this.#chunk = this.#chunk.subarray(i + 1);
        return text;
      }
      this.#chunk = this.#chunk.subarray(this.#chunk.length);
    }
  }

  /** Fills `target`; false where the stream ends before. */
  fill(target: Uint8Array): Promise<boolean> {
    return this.#take(target.length, target);
  }

  /** Passes so many bytes over; false where the stream ends before. */
  pass(length: number): Promise<boolean> {
    return this.#take(length);
  }

  /** Lets go of the stream. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }

  async #take(length: number, target?: Uint8Array): Promise<boolean> {
    for (let done = 0; done < length;) {
      if (this.#chunk.length === 0 && !await this.#more()) return false;
      const part = this.#chunk.subarray(0, length - done);
      target?.set(part, done);
      done += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return true;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#reader.read();
    this.#chunk = value ?? new Uint8Array(0);
    return !done;
  }
}
