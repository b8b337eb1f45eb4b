/**
 * Video files frame by frame, each with its own time, decoded by the browser (WebCodecs).
 * @module
 */
import { BlobSource, CanvasSink, Input, MATROSKA, MP4, QTFF, WEBM } from "mediabunny";

/** A frame of a video. */
export interface VideoFrameAt {
  readonly image: ImageBitmap;
  /** Seconds from the beginning of the video. */
  readonly time: number;
}

/** An open video file. */
export class VideoFile {
  private constructor(
    private readonly input: Input,
    private readonly frames: CanvasSink,
    private readonly start: number,
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
      const start = await track.getFirstTimestamp(), end = await track.computeDuration();
      const { averagePacketRate } = await track.computePacketStats(120);
      return new VideoFile(
        input,
        new CanvasSink(track, { poolSize: 2 }),
        start,
        end - start,
        averagePacketRate,
      );
    } catch (error) {
      input.dispose();
      if (error instanceof Error && error.message.startsWith(file.name)) throw error;
      throw new Error(`${file.name} is damaged and cannot be decoded.`, { cause: error });
    }
  }

  /** All frames from a time on, in the order they are shown. */
  async *read(from = 0): AsyncGenerator<VideoFrameAt> {
    for await (const { canvas, timestamp } of this.frames.canvases(this.start + from)) {
      yield { image: await createImageBitmap(canvas), time: timestamp - this.start };
    }
  }

  /** The frame that is shown at a time. */
  async at(time: number): Promise<VideoFrameAt | undefined> {
    const found = await this.frames.getCanvas(this.start + time);
    return found && { image: await createImageBitmap(found.canvas), time: found.timestamp - this.start } ||
      undefined;
  }

  /** Frees the decoder and the file. */
  close(): void {
    this.input.dispose();
  }
}
