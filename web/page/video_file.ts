/**
 * Video files frame by frame, each with its own time, decoded by the browser (WebCodecs).
 * @module
 */
import { type Edit, readEdits } from "./edit_list.ts";
import { BlobSource, CanvasSink, Input, MATROSKA, MP4, QTFF, WEBM } from "mediabunny";

/** A frame of a video. */
export interface VideoFrameAt {
  readonly image: ImageBitmap;
  /** Seconds from the beginning of the video. */
  readonly time: number;
}

/** A part of the track that is shown, in seconds: from and to by the reader's times, and where it begins in the film. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/** Times closer than this are one, in seconds. */
const SAME_TIME = 1e-4;

/** An open video file. Its times are those that a player shows. */
export class VideoFile {
  private constructor(
    private readonly input: Input,
    private readonly frames: CanvasSink,
    private readonly spans: readonly Span[],
    /** Seconds. */
    readonly duration: number,
    /** Mean frames a second. */
    readonly frameRate: number,
  ) {}

  /** Opens a file; throws an Error with a sentence for the user. */
  static async open(file: File): Promise<VideoFile> {
    if (file.size === 0) throw new Error(`${file.name} is empty (0 bytes).`);
    if (!("VideoDecoder" in globalThis)) {
      throw new Error(
        "This browser cannot decode video frame by frame (WebCodecs); Chrome, Edge, Safari and Firefox can.",
      );
    }
    const input = new Input({ source: new BlobSource(file), formats: [MP4, QTFF, WEBM, MATROSKA] });
    try {
      if (!await input.canRead()) {
        throw new Error(
          `${file.name} is not a video that can be read here; MP4, MOV, WebM and Matroska are.`,
        );
      }
      const track = await input.getPrimaryVideoTrack();
      if (!track) throw new Error(`${file.name} has no video track: there is nothing to see in it.`);
      if (!await track.canDecode()) {
        const codec = await track.getCodec() ?? "an unknown codec";
        throw new Error(
          `${file.name} is coded in ${codec}, which this browser cannot decode; H.264 or VP9 work anywhere.`,
        );
      }
      const end = await track.computeDuration();
      const { averagePacketRate } = await track.computePacketStats(120);
      const isMp4 = [MP4, QTFF].includes(await input.getFormat() as typeof MP4);
      const spans = isMp4
        ? spansOf(await readEdits(file, track.id), end)
        // Other containers may begin at any time, the first of all tracks; players count from there.
        : [{ from: Math.max(0, await input.getFirstTimestamp()), to: end, at: 0 }];
      const last = spans[spans.length - 1];
      return new VideoFile(
        input,
        new CanvasSink(track, { poolSize: 2 }),
        spans,
        last.at + last.to - last.from,
        averagePacketRate,
      );
    } catch (error) {
      input.dispose();
      if (error instanceof Error && error.message.startsWith(file.name)) throw error;
      throw new Error(`${file.name} is damaged and cannot be decoded.`, { cause: error });
    }
  }

  /** All frames from a time on, in the order they are shown; those that were cut away are none of them. */
  async *read(from = 0): AsyncGenerator<VideoFrameAt> {
    for (const span of this.spans) {
      const begin = Math.max(span.from, span.from + from - span.at);
      if (begin >= span.to) continue;
      for await (const { canvas, timestamp } of this.frames.canvases(begin, span.to)) {
        if (timestamp < span.from - SAME_TIME) continue; // begins before the cut: players leave it out
        yield { image: await createImageBitmap(canvas), time: timestamp - span.from + span.at };
      }
    }
  }

  /** The frame that is shown at a time. */
  async at(time: number): Promise<VideoFrameAt | undefined> {
    const span = this.spans.findLast(({ at }) => at <= time + SAME_TIME) ?? this.spans[0];
    const wanted = Math.min(Math.max(span.from + time - span.at, span.from), span.to - SAME_TIME);
    const found = await this.frames.getCanvas(wanted);
    return found &&
        { image: await createImageBitmap(found.canvas), time: found.timestamp - span.from + span.at } ||
      undefined;
  }

  /** Frees the decoder and the file. */
  close(): void {
    this.input.dispose();
  }
}

/** Edits by the times of the reader, which counts from the first edit's place in the film. */
function spansOf(edits: readonly Edit[], end: number): Span[] {
  const [first] = edits;
  if (!first) return [{ from: 0, to: end, at: 0 }];
  const spans = edits.map(({ at, media, duration }): Span => {
    const from = media - first.media + first.at;
    return { from, to: Math.min(end, from + duration), at };
  }).filter(({ from, to }) => from < to);
  return spans.length > 0 ? spans : [{ from: 0, to: end, at: 0 }];
}
