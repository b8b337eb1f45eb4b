/**
 * Cuts concatenated JPEG (what `ffmpeg -c:v mjpeg -f image2pipe -` writes) into its pictures, as the bytes arrive.
 * Segments are stepped over by their length, since a thumbnail inside one has an end marker of its own.
 * @module
 */
import { ApiError } from "./api_error.ts";

/** Takes bytes in pieces of any length and gives whole pictures. */
export class JpegFrames {
  #buffer = new Uint8Array(1 << 16);
  #length = 0;
  /** Where the next marker, or the next byte of compressed data, is. */
  #at = 0;
  #inScan = false;

  constructor(
    /** The most bytes of one picture. */
    readonly limit: number,
  ) {}

  /** Bytes of a picture that is not whole yet. */
  get pending(): number {
    return this.#length;
  }

  /**
   * Adds bytes and gives the pictures they complete, one by one, since those before a fault count. Throws an ApiError
   * where no JPEG begins or one is too long.
   */
  *push(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    this.#append(bytes);
    for (let end = this.#findEnd(); end > 0; end = this.#findEnd()) {
      if (end > this.limit) throw this.#tooLong();
      const frame = this.#buffer.slice(0, end);
      this.#buffer.copyWithin(0, end, this.#length);
      this.#length -= end;
      this.#at = 0;
      this.#inScan = false;
      yield frame;
    }
    if (this.#length > this.limit) throw this.#tooLong();
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** Length of the first picture, 0 while its end is not there. */
  #findEnd(): number {
    const bytes = this.#buffer;
    while (this.#at + 1 < this.#length) {
      if (this.#at === 0) {
        if (bytes[0] !== 0xff || bytes[1] !== 0xd8) {
          throw new ApiError(
            415,
            "not-jpeg",
            "The stream must be JPEG pictures, one directly after another.",
          );
        }
        this.#at = 2;
        continue;
      }
      if (this.#inScan) {
        const next = bytes.subarray(this.#at, this.#length).indexOf(0xff);
        this.#at = next < 0 ? this.#length : this.#at + next;
        if (this.#at + 1 >= this.#length) return 0;
      }
      const marker = bytes[this.#at + 1];
      if (bytes[this.#at] !== 0xff) {
        throw new ApiError(
          422,
          "image-broken",
          "A picture of the stream is broken: a segment does not begin as one.",
        );
      } else if (marker === 0xd9) return this.#at + 2;
      else if (marker === 0xff) this.#at += 1; // padding
      else if (marker === 0x00 || marker >= 0xd0 && marker <= 0xd7) this.#at += 2; // within compressed data
      else {
        if (this.#at + 3 >= this.#length) return 0;
        if (marker === 0xda) this.#inScan = true;
        this.#at += 2 + (bytes[this.#at + 2] << 8 | bytes[this.#at + 3]);
      }
    }
    return 0;
  }

  #tooLong(): ApiError {
    return new ApiError(
      413,
      "frame-too-large",
      `A picture of the stream is longer than ${this.limit / 1e6} MB.`,
    );
  }
}
