/**
 * Which parts of its track an MP4 or MOV film shows, and when: its edit list (ISO/IEC 14496-12, 8.6.6). Films that were
 * cut without recoding carry more frames than they show, and films whose picture begins late have an empty edit.
 * @module
 */

/** A part of a track that is shown; all in seconds. */
export interface Edit {
  /** Where it begins in the film. */
  readonly at: number;
  /** Where it begins in the track's own time. */
  readonly media: number;
  /** Infinity where it lasts to the track's end. */
  readonly duration: number;
}

/** What is looked into for the list. */
const CONTAINERS = ["moov", "trak", "edts", "mdia"];
/** A larger header is no header of a film that a page can hold. */
const MOST_BYTES = 64 << 20;

interface Track {
  id: number;
  timescale: number;
  entries: { duration: number; media: number }[];
}

/** The edits of a track, in the order of the film; none where the whole track is shown as it is, or the file is no MP4. */
export async function readEdits(file: Blob, track: number): Promise<Edit[]> {
  const moov = await findMoov(file);
  if (!moov) return [];
  try {
    return editsOf(moov, track);
  } catch (error) {
    if (error instanceof RangeError) return []; // damaged: whoever decodes it says so
    throw error;
  }
}

/** The film's header, which stands at the beginning or at the end. */
async function findMoov(file: Blob): Promise<DataView | undefined> {
  for (let at = 0; at + 8 <= file.size;) {
    const head = new DataView(await file.slice(at, at + 16).arrayBuffer());
    let size = head.getUint32(0), begin = 8;
    if (size === 1 && head.byteLength === 16) [size, begin] = [Number(head.getBigUint64(8)), 16];
    if (size === 0) size = file.size - at;
    if (size < begin) return undefined;
    if (kindAt(head, 4) === "moov") {
      return size > MOST_BYTES
        ? undefined
        : new DataView(await file.slice(at + begin, at + size).arrayBuffer());
    }
    at += size;
  }
  return undefined;
}

function editsOf(moov: DataView, id: number): Edit[] {
  let movieTimescale = 0, open: Track | undefined;
  const tracks: Track[] = [];
  const walk = (from: number, to: number) => {
    for (let at = from; at + 8 <= to;) {
      const size = moov.getUint32(at), kind = kindAt(moov, at + 4), data = at + 8;
      if (size < 8 || at + size > to) return;
      const version = size > 8 ? moov.getUint8(data) : 0;
      if (kind === "trak") tracks.push(open = { id: 0, timescale: 0, entries: [] });
      if (kind === "mvhd") movieTimescale = moov.getUint32(data + (version === 1 ? 20 : 12));
      else if (kind === "tkhd" && open) open.id = moov.getUint32(data + (version === 1 ? 20 : 12));
      else if (kind === "mdhd" && open) open.timescale = moov.getUint32(data + (version === 1 ? 20 : 12));
      else if (kind === "elst" && open) open.entries = readEntries(moov, data, version);
      else if (CONTAINERS.includes(kind)) walk(data, at + size);
      at += size;
    }
  };
  walk(0, moov.byteLength);
  const track = tracks.find((one) => one.id === id);
  if (!track || movieTimescale === 0 || track.timescale === 0) return [];
  const edits: Edit[] = [];
  let at = 0;
  for (const [i, { duration, media }] of track.entries.entries()) {
    const seconds = duration / movieTimescale, isLast = i === track.entries.length - 1;
    if (media >= 0) {
      edits.push({
        at,
        media: media / track.timescale,
        duration: seconds === 0 && isLast ? Infinity : seconds,
      });
    }
    at += seconds;
  }
  return edits;
}

function readEntries(view: DataView, data: number, version: number): Track["entries"] {
  const step = version === 1 ? 20 : 12;
  return Array.from({ length: view.getUint32(data + 4) }, (_, i) => {
    const at = data + 8 + i * step;
    return version === 1
      ? { duration: Number(view.getBigUint64(at)), media: Number(view.getBigInt64(at + 8)) }
      : { duration: view.getUint32(at), media: view.getInt32(at + 4) };
  });
}

function kindAt(view: DataView, at: number): string {
  return String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)));
}
