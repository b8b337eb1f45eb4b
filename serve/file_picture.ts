/**
 * A picture in a file, decoded no finer than whoever looks at it needs, and turned upright.
 * @module
 */
import type { Pixels } from "@emoco/web/image";
import { type Layer, type Part, type Picture, shows, unionOf } from "@emoco/web/picture";
import type { ImageHeader } from "@emoco/web/image-header";

/** A part of a picture as it is stored, before it is turned upright. */
export interface StoredPart {
  /** 1, 2, 4 or 8. */
  readonly shrink: number;
  /** In pixels of the whole picture; multiples of 32, unless width or height is 0: all there is from there on. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What may be said of a picture that was decoded: some of its pixels are damaged. */
export type PictureWarning = "damaged";

/** A layer of the picture as it is stored. */
export interface DecodedLayer extends Layer {
  readonly warnings?: readonly PictureWarning[];
}

/** The whole picture as it is stored. */
export const WHOLE: StoredPart = { shrink: 1, x: 0, y: 0, width: 0, height: 0 };

/** Below so many pixels a coarser part saves too little for the looks that would then need a finer one. */
const LEAST_PIXELS = 500_000;
/** Parts begin and end where the blocks of every JPEG do. */
const BLOCK = 32;
/** Pixels beside a part, so that it shows the same as the whole picture would. */
const MARGIN = 16;

/** A picture whose parts are decoded when they are looked at; each is kept as long as the picture. */
export class FilePicture implements Picture {
  readonly width: number;
  readonly height: number;
  #spent = 0;
  readonly #layers: Layer[] = [];

  /** The size of the upright picture in its file, where it was made smaller. */
  readonly original?: { readonly width: number; readonly height: number };
  /** What its decoder had to say; known once it has been looked at. */
  warnings?: readonly PictureWarning[];

  constructor(
    private readonly header: ImageHeader,
    /** Decodes a part, or more than that, and says what. */
    private readonly decode: (part: StoredPart) => Promise<DecodedLayer>,
    private readonly options: {
      readonly original?: { readonly width: number; readonly height: number };
      /** Takes back the pixels of a layer. */
      readonly giveBack?: (pixels: Pixels) => void;
    } = {},
  ) {
    const { width, height, orientation } = header, { original } = options;
    const isTurned = orientation >= 5;
    [this.width, this.height] = isTurned ? [height, width] : [width, height];
    this.original = original && isTurned ? { width: original.height, height: original.width } : original;
  }

  get spent(): number {
    return this.#spent;
  }

  async look(parts: readonly Part[]): Promise<Layer[]> {
    const missing = parts.filter((part) => !this.#find(part));
    if (missing.length > 0) {
      const start = performance.now();
      const stored = await this.decode(this.#choose(unionOf(missing)));
      const layer = turnUpright(stored, this.header);
      if (layer !== stored) this.options.giveBack?.(stored.pixels);
      this.warnings ??= stored.warnings;
      this.#layers.push(layer);
      this.#spent += performance.now() - start;
    }
    return parts.map((part) => {
      const layer = this.#find(part);
      if (!layer) throw new Error("A decoder has left out a part that was asked for.");
      return layer;
    });
  }

  close(): void {
    for (const { pixels } of this.#layers.splice(0)) this.options.giveBack?.(pixels);
  }

  /** The coarsest layer that will do. */
  #find(part: Part): Layer | undefined {
    return this.#layers.filter((layer) => shows(layer, part, this))
      .reduce<Layer | undefined>(
        (best, layer) => best && best.shrink >= layer.shrink ? best : layer,
        undefined,
      );
  }

  #choose(part: Part): StoredPart {
    const { width, height, orientation } = this.header, { swap, flipX, flipY } = turnOf(orientation);
    const across = reach(part.x, part.width, this.width), down = reach(part.y, part.height, this.height);
    const [columns, rows] = swap ? [down, across] : [across, down];
    const x = inBlocks(flipX ? [width - columns[1], width - columns[0]] : columns, width);
    const y = inBlocks(flipY ? [height - rows[1], height - rows[0]] : rows, height);
    const pixels = (x.length || width - x.from) * (y.length || height - y.from);
    let shrink = 8;
    while (shrink > 1 && (shrink > part.shrink || pixels / shrink ** 2 < LEAST_PIXELS)) shrink /= 2;
    return { shrink, x: x.from, y: y.from, width: x.length, height: y.length };
  }
}

/** What lies in the picture of a part with its margin, on one axis. */
function reach(from: number, length: number, whole: number): [from: number, to: number] {
  const start = Math.min(Math.max(0, Math.floor(from - MARGIN)), whole - 1);
  return [start, Math.max(start + 1, Math.min(whole, Math.ceil(from + length + MARGIN)))];
}

function inBlocks([from, to]: [from: number, to: number], whole: number): { from: number; length: number } {
  const start = Math.floor(from / BLOCK) * BLOCK, length = Math.ceil((to - start) / BLOCK) * BLOCK;
  return { from: start, length: start + length >= whole ? 0 : length };
}

/** What an EXIF orientation asks for: 2-4 mirror or turn by half, 5-8 exchange rows and columns as well. */
function turnOf(orientation: number): { swap: boolean; flipX: boolean; flipY: boolean } {
  return {
    swap: orientation >= 5,
    flipX: [2, 3, 7, 8].includes(orientation),
    flipY: [3, 4, 6, 7].includes(orientation),
  };
}

/** A layer of the stored picture as one of the upright picture. */
function turnUpright(layer: Layer, header: ImageHeader): Layer {
  if (header.orientation === 1) return layer;
  const { pixels, shrink } = layer, { swap, flipX, flipY } = turnOf(header.orientation);
  const x = flipX ? header.width - layer.x - pixels.width * shrink : layer.x;
  const y = flipY ? header.height - layer.y - pixels.height * shrink : layer.y;
  const [left, top] = swap ? [y, x] : [x, y];
  return { pixels: turn(pixels, header.orientation), x: left, y: top, shrink };
}

function turn(stored: Pixels, orientation: number): Pixels {
  const { swap, flipX, flipY } = turnOf(orientation);
  const source = new Uint32Array(stored.data.buffer, stored.data.byteOffset, stored.width * stored.height);
  const width = swap ? stored.height : stored.width, height = swap ? stored.width : stored.height;
  const out = new Uint32Array(source.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      // Where this pixel was stored. For 5-8 the stored column follows y, the stored row follows x.
      const column = swap ? y : x, row = swap ? x : y;
      const sx = flipX ? stored.width - 1 - column : column, sy = flipY ? stored.height - 1 - row : row;
      out[at] = source[sy * stored.width + sx];
    }
  }
  return { width, height, data: new Uint8ClampedArray(out.buffer) };
}
