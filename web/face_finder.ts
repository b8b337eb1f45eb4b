/**
 * Where the faces are: MediaPipe's BlazeFace (back model, 256 x 256; Bazarevsky et al. 2019, arXiv 1907.05047)
 * behind an interface, so that a better finder can stand in.
 * @module
 */
import { type Candidate, GRIDS, isSameFace, keepSurest, readCandidates, SIDE } from "./blazeface_output.ts";
import { doubtOf, nearest, rollOf, toFace } from "./face_candidate.ts";
import type { FacePoints, Pixels, Point } from "./image.ts";
import { loadModel, type Model, type OrtLike, type SessionOptions } from "./inference.ts";
import { asPicture, inFull, type Picture } from "./picture.ts";
import { closeUp, closeUpPart, type Lens, letterbox, squareView, tilesOf, type View } from "./view.ts";

/** An upright rectangle in pixels; x, y is its top-left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A face in a picture. */
export interface FoundFace {
  /** The face from forehead to chin; it may reach over the picture's edge. */
  readonly box: Box;
  /** How sure the finder is, 0-1. */
  readonly score: number;
  readonly points: FacePoints;
}

/** What finds faces. */
export interface FaceFinder {
  /** All faces of the picture, in no particular order; none is an empty list. */
  find(image: Pixels | Picture, signal?: AbortSignal): Promise<FoundFace[]>;
}

/** How BlazeFace is asked. */
export interface BlazeFaceOptions extends SessionOptions {
  /**
   * The least score of a face, 0-1; 0.65 unless given, MediaPipe's own choice. Rendered heads from 20 pixels up score
   * 0.74 and more, textures and coins up to 0.8.
   */
  readonly minScore?: number;
  /**
   * The least width of a face's box in pixels, 32 unless given: smaller ones show no action units, and a blurred
   * emblem of 20 pixels looks like a face to the finder.
   */
  readonly minWidth?: number;
  /**
   * Whether to look again where the whole picture shows no face or only small ones: from farther away, for a face that
   * fills the frame, and in tiles of half the side. On unless it is false; a video that must not slow down where
   * nobody is seen turns it off.
   */
  readonly thorough?: boolean;
}

/** A look at the whole picture nominates from this score on; the closer look then decides by `minScore`. */
const NOMINATED = 0.4;
/**
 * A face is measured best when its box is about 107 of the input's pixels wide, so one outside this range is looked at
 * again in a square around it, turned upright: on rendered heads 40 pixels wide in a 640 x 480 picture the mean error
 * of the points falls from 14 to 6 % of the eyes' distance, as low as for large ones.
 */
const WELL_SEEN = [88, 130] as const;
/**
 * The square around a face in which it is looked at again. On 200 rendered heads the mean error of the points is 0.059
 * of the eyes' distance, as in 256 pixels and 2.4 widths, which take nearly twice the work.
 */
const CLOSE_UP: Lens = { side: 192, widths: 1.8 };
/** The same for a face that was seen too large: its box may be far off, which a wider square forgives. */
const STEP_BACK: Lens = { side: 256, widths: 2.4 };
/**
 * The square in which a face is followed that has moved by up to a quarter of its box. On the rendered heads the mean
 * error of the points is 0.059, in 256 pixels and 2 widths 0.060; 128 pixels are a little worse, 0.063.
 */
const FOLLOWED: Lens = { side: 160, widths: 1.7 };
/** Parts in which newcomers are looked for, in longer sides of the picture: as fine as a search sees the whole. */
const PART = 0.6;
/** A face that is turned by less than this between two looks (sine of the angle) is level. */
const LEVEL = 0.2;
/** In a picture whose largest face is smaller than this part of its longer side there may be more in the tiles. */
const SMALL = 1 / 12;
/** A face smaller than this is looked at in no coarser pixels, which would move its points by up to 0.9 of the crop's. */
const TINY = 1 / 16;

/** The BlazeFace finder. */
export class BlazeFace implements FaceFinder {
  /** For each side an input that no look is using: a look is over sooner when it need not make one. */
  private readonly spare = new Map<number, Float32Array>();

  private constructor(private readonly model: Model, private readonly options: BlazeFaceOptions) {}

  /** Loads `blazeface.onnx`; throws a TypeError for a file that is not the back model, or takes one size only. */
  static async load(
    { model, ort }: { readonly model: Uint8Array; readonly ort: OrtLike },
    options: BlazeFaceOptions = {},
  ): Promise<BlazeFace> {
    const loaded = await loadModel(ort, model, "The face finder's model", options);
    const missing = GRIDS.flatMap(({ scores, boxes }) => [scores, boxes])
      .find((name) => !loaded.outputs.includes(name));
    if (missing) {
      await loaded.release();
      throw new TypeError(
        `The face finder's model is not BlazeFace's back model: it has no output "${missing}".`,
      );
    }
    try {
      // What a size needs is taken now, not in the middle of a video.
      for (const side of [SIDE, CLOSE_UP.side, FOLLOWED.side]) {
        await loaded.run({ data: new Float32Array(side * side * 3), dims: [1, side, side, 3] });
      }
    } catch (error) {
      await loaded.release();
      throw new TypeError(
        `The face finder's model takes pictures of one size only: ${(error as Error).message} ` +
          "`deno task pack-finder` makes one of it that takes all.",
        { cause: error },
      );
    }
    return new BlazeFace(loaded, options);
  }

  /** The same finder asked otherwise; both share one model, which is released once. */
  with(options: Omit<BlazeFaceOptions, keyof SessionOptions>): BlazeFace {
    return new BlazeFace(this.model, { ...this.options, ...options });
  }

  /** All faces of the picture; stops with the signal's reason between two looks. */
  async find(picture: Pixels | Picture, signal?: AbortSignal): Promise<FoundFace[]> {
    const image = asPicture(picture);
    const faces = await this.search(image, signal) ?? await this.search(inFull(image), signal) ?? [];
    return faces.filter(({ width }) => width >= (this.options.minWidth ?? 32)).map(toFace);
  }

  /** All faces; undefined where coarse pixels showed a tiny one, which must be looked at as it is. */
  private async search(image: Picture, signal?: AbortSignal): Promise<Candidate[] | undefined> {
    const longest = Math.max(image.width, image.height), view = await letterbox(image);
    const isTooCoarse = () => view.isCoarse && faces.some(({ width }) => width < longest * TINY);
    let faces = await this.settle(image, await this.look(view), SIDE / longest, signal);
    if (isTooCoarse()) return undefined;
    const { thorough = true } = this.options;
    if (thorough && faces.length === 0) {
      const far = await squareView(image, image.width / 2 - longest, image.height / 2 - longest, longest * 2);
      faces = await this.settle(image, await this.look(far), SIDE / (longest * 2), signal);
    }
    if (thorough && faces.every(({ width }) => width < longest * SMALL) && longest > SIDE / 2) {
      const side = Math.ceil(longest / 2);
      const seen = await this.lookInTiles(image, side, signal);
      const fresh = seen.filter((one) => !faces.some((face) => isSameFace(face, one)));
      faces = keepSurest([...faces, ...await this.settle(image, fresh, SIDE / side, signal)]);
    }
    return isTooCoarse() ? undefined : faces;
  }

  /** The face that was there a moment ago, by one close look around that place; undefined where it is gone. */
  async follow(image: Pixels | Picture, { box, score, points }: FoundFace): Promise<FoundFace | undefined> {
    const { leftEye, rightEye, nose, mouth } = points;
    const center: Point = [box.x + box.width / 2, box.y + box.height / 2];
    const before = {
      score,
      width: box.width,
      height: box.height,
      points: [center, rightEye, leftEye, nose, mouth],
    };
    const { view } = await closeUp(asPicture(image), before, FOLLOWED);
    const face = nearest(before, await this.look(view));
    return face && face.score >= (this.options.minScore ?? 0.65) ? toFace(face) : undefined;
  }

  /**
   * Faces in one part of the picture, of those that are not much larger or smaller than the part: cheaper than a search,
   * which looks at everything at once.
   * @param part counts up from look to look; parts come in turn, the whole picture among them
   * @param known faces that are not looked for: what lies on one of them is not looked at any closer
   */
  async lookInPart(
    picture: Pixels | Picture,
    part: number,
    known: readonly FoundFace[] = [],
    signal?: AbortSignal,
  ): Promise<FoundFace[]> {
    const image = asPicture(picture), longest = Math.max(image.width, image.height);
    const side = Math.ceil(longest * PART);
    const tiles = tilesOf(image, side), { side: pixels } = FOLLOWED;
    const whole = { x: (image.width - longest) / 2, y: (image.height - longest) / 2 };
    const turn = part % (tiles.length + 1), { x, y } = turn === 0 ? whole : tiles[turn - 1];
    const view = await squareView(image, x, y, turn === 0 ? longest : side, pixels);
    const fresh = (await this.look(view)).filter(({ points: [[cx, cy]] }) =>
      !known.some(({ box }) => cx > box.x && cx < box.x + box.width && cy > box.y && cy < box.y + box.height)
    );
    const faces = await this.settle(image, fresh, view.scaleX, signal);
    return faces.filter(({ width }) => width >= (this.options.minWidth ?? 32)).map(toFace);
  }

  /** Frees the model's memory. */
  release(): Promise<void> {
    return this.model.release();
  }

  /** Looks again at each candidate that was seen too small or too large, and keeps those that are faces. */
  private async settle(
    image: Picture,
    candidates: readonly Candidate[],
    scale: number,
    signal?: AbortSignal,
  ): Promise<Candidate[]> {
    const settled: Candidate[] = [];
    const small = candidates.filter(({ width }) => width * scale < WELL_SEEN[0]);
    if (small.length > 1) await image.look(small.map((face) => closeUpPart(face, CLOSE_UP))); // all at once
    for (const candidate of candidates) {
      let face: Candidate | undefined = candidate, seen = candidate.width * scale;
      // A second time where the first view, laid by a poor box, was still far off: faces that fill the frame.
      for (let looks = 0; face && looks < 2 && (seen < WELL_SEEN[0] || seen > WELL_SEEN[1]); looks++) {
        signal?.throwIfAborted();
        const { view, scale } = await closeUp(image, face, seen < WELL_SEEN[0] ? CLOSE_UP : STEP_BACK);
        face = nearest(face, await this.look(view));
        seen = (face?.width ?? 0) * scale;
      }
      const least = this.options.minScore ?? 0.65;
      if (face && face.score >= least && face.score < doubtOf(face)) {
        face = await this.asItStands(image, face, signal);
      }
      if (face && face.score >= least) settled.push(face);
    }
    return keepSurest(settled);
  }

  /** The face as it is surest, of the two sides from which it looks most like one. */
  private async asItStands(image: Picture, face: Candidate, signal?: AbortSignal): Promise<Candidate> {
    const sides = [face];
    for (const quarters of [1, 2, 3]) {
      signal?.throwIfAborted();
      const turned = nearest(face, await this.look((await closeUp(image, face, CLOSE_UP, quarters)).view));
      if (turned) sides.push(turned);
    }
    sides.sort((one, other) => other.score - one.score);
    if (sides[0] === face) return face;
    const settled: Candidate[] = [];
    for (const side of sides.slice(0, 2)) {
      let now = side;
      for (let looks = 0, tilt = Infinity; looks < 3 && tilt > LEVEL; looks++) {
        signal?.throwIfAborted();
        const next = nearest(now, await this.look((await closeUp(image, now, CLOSE_UP)).view));
        if (!next) break;
        tilt = Math.abs(Math.sin(rollOf(next) - rollOf(now)));
        now = next;
      }
      settled.push(now);
    }
    return keepSurest(settled)[0];
  }

  /** Candidates in overlapping squares; those cut by a tile's inner edge are left to the tile that shows them whole. */
  private async lookInTiles(image: Picture, side: number, signal?: AbortSignal): Promise<Candidate[]> {
    const seen: Candidate[] = [];
    for (const { x, y, cuts } of tilesOf(image, side)) {
      signal?.throwIfAborted();
      const candidates = await this.look(await squareView(image, x, y, side));
      seen.push(...candidates.filter((candidate) => !cuts(candidate)));
    }
    return keepSurest(seen);
  }

  /** The candidates in a view, in pixels of the picture. */
  private async look({ side, write, scaleX, scaleY, toPicture }: View): Promise<Candidate[]> {
    const data = this.spare.get(side) ?? new Float32Array(side * side * 3);
    this.spare.delete(side);
    write(data);
    const outputs = await this.model.run({ data, dims: [1, side, side, 3] });
    this.spare.set(side, data);
    return readCandidates(outputs, side, NOMINATED).map(({ score, width, height, points }) => ({
      score,
      width: width / scaleX,
      height: height / scaleY,
      points: points.map(toPicture),
    }));
  }
}
