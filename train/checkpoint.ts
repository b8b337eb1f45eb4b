/**
 * Checkpoints: one safetensors file that is whole or not there, with the config and the position of its run.
 *
 * A file is written beside the old one, flushed, and renamed over it, so a crash or a full disk at any moment leaves
 * the last good one. The one before is kept as well, for the day a disk damages the newest.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { mapState, type StateValues, type TensorValues } from "./state_values.ts";

/** What a run needs to go on, or a later program to build on it. */
export interface Checkpoint<Position> {
  /** By group and name; in the file a tensor is called `weights/layer1.0.conv1.weight`. */
  state: StateValues;
  /** The resolved config of the run. */
  config: object;
  position: Position;
  /** Subjects that the weights have learnt from, by kind of label: nobody may be tested on them. */
  subjects: { pretraining: string[]; actionUnits: string[] };
}

/** A checkpoint that cannot be used or written; the message says why and what to do. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
}

/** Name of the checkpoint in a run folder; the one before it ends in `.previous`. */
export const CHECKPOINT_FILE = "checkpoint.safetensors";

/**
 * Writes the checkpoint of a run folder.
 * @throws {CheckpointError} when it cannot be written whole, such as on a full disk; the last good one stays
 */
export function saveCheckpoint<Position>(folder: string, checkpoint: Checkpoint<Position>): void {
  const path = join(folder, CHECKPOINT_FILE);
  const temporary = `${path}.writing`;
  try {
    writeWhole(temporary, checkpoint);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It may not exist; what matters is the message below.
    }
    throw new CheckpointError(
      `The checkpoint could not be written to ${folder} (${
        (error as Error).message
      }). Free disk space or choose ` +
        "another folder, then go on with --resume: the last checkpoint is whole.",
    );
  }
  const previous = `${path}.previous`;
  if (exists(path)) {
    if (exists(previous)) Deno.removeSync(previous);
    Deno.linkSync(path, previous); // a second name, so that there is a newest one at every moment
  }
  Deno.renameSync(temporary, path);
}

/** Whether a run folder has a checkpoint. */
export function hasCheckpoint(folder: string): boolean {
  return exists(join(folder, CHECKPOINT_FILE));
}

/**
 * Reads and verifies the checkpoint of a run folder.
 * @throws {CheckpointError} missing, truncated or altered; it names the older one where that is whole
 */
export function loadCheckpoint<Position>(folder: string): Checkpoint<Position> {
  const path = join(folder, CHECKPOINT_FILE);
  if (!exists(path)) throw new CheckpointError(`${folder} has no ${CHECKPOINT_FILE}.`);
  try {
    return readWhole(path);
  } catch (error) {
    const reason = error instanceof CheckpointError
      ? error.message
      : `${path} is damaged: ${(error as Error).message}.`;
    throw new CheckpointError(`${reason} ${remedy(`${path}.previous`)}`);
  }
}

/** SHA-256 of bytes, in hexadecimal. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Writes a file so that it is whole or as it was before. */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.writing`;
  using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
  writeAll(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  file.syncSync();
  Deno.renameSync(temporary, path);
}

function remedy(previous: string): string {
  if (!exists(previous)) return "No older checkpoint is left: start again under another --name.";
  try {
    readWhole(previous);
  } catch {
    return "The older one is damaged too: start again under another --name.";
  }
  return `The one before it is whole: rename ${previous} to ${CHECKPOINT_FILE} to go on from there.`;
}

/** A tensor in a safetensors header. */
interface StoredTensor {
  dtype: "F32" | "I32";
  shape: number[];
  data_offsets: [from: number, to: number];
}

function writeWhole<Position>(
  path: string,
  { state, config, position, subjects }: Checkpoint<Position>,
): void {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  mapState(state, ({ shape, values }, name, group) => {
    const dtype = values instanceof Int32Array ? "I32" : "F32";
    header[`${group}/${name}`] = { dtype, shape, data_offsets: [offset, offset += values.byteLength] };
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  });
  const meta = {
    config: JSON.stringify(config),
    position: JSON.stringify(position),
    subjects: JSON.stringify(subjects),
  };
  const index = JSON.stringify(header);
  // Over names, shapes, data and metadata: an altered config must not pass either.
  const sum = sha256(index, ...Object.values(meta), ...parts);
  const head = new TextEncoder().encode(
    JSON.stringify({ __metadata__: { ...meta, sha256: sum }, ...header }),
  );
  const padded = new Uint8Array(Math.ceil(head.length / 8) * 8).fill(0x20); // aligned data, as the format asks
  padded.set(head);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (const part of [length, padded, ...parts]) writeAll(file, part);
  file.syncSync();
}

function readWhole<Position>(path: string): Checkpoint<Position> {
  const file = Deno.readFileSync(path);
  const damaged = (what: string) => new CheckpointError(`${path} ${what}.`);
  if (file.length < 8) throw damaged("is truncated");
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  if (8 + length > file.length) throw damaged("is truncated");
  const { __metadata__: meta, ...header } = JSON.parse(
    new TextDecoder().decode(file.subarray(8, 8 + length)),
  );
  const state: StateValues = {};
  const parts: Uint8Array[] = [];
  for (const [name, entry] of Object.entries(header as Record<string, StoredTensor>)) {
    const [from, to] = entry.data_offsets.map((offset) => 8 + length + offset);
    if (to > file.length) throw damaged("is truncated");
    const part = file.slice(from, to);
    parts.push(part);
    const slash = name.indexOf("/");
    const values: TensorValues["values"] = new (entry.dtype === "I32" ? Int32Array : Float32Array)(
      part.buffer,
    );
    (state[name.slice(0, slash)] ??= {})[name.slice(slash + 1)] = { shape: entry.shape, values };
  }
  if (sha256(JSON.stringify(header), meta.config, meta.position, meta.subjects, ...parts) !== meta.sha256) {
    throw damaged("was altered after it was written (its SHA-256 differs)");
  }
  return {
    state,
    config: JSON.parse(meta.config),
    position: JSON.parse(meta.position),
    subjects: JSON.parse(meta.subjects),
  };
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
