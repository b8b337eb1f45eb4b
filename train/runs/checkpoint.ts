/**
 * Checkpoints: one safetensors file that is whole or not there, with the config and the position of its run.
 *
 * A file is written beside the old one, flushed, and renamed over it, so a crash or a full disk at any moment leaves
 * the last good one. The one before is kept as well, for the day a disk damages the newest.
 */
import { mapState, type StateValues, type TensorValues } from "./tensor_values.ts";
import { join } from "node:path";
import { exists, sha256, writeAtomically } from "./whole_file.ts";

export { sha256, writeAtomically };

/** What a run needs to go on, or a later program to build on it. */
export interface Checkpoint<Position> {
  /** By group and name; in the file a tensor is called `weights/layer1.0.conv1.weight`. */
  state: StateValues;
  /** The resolved config of the run. */
  config: object;
  position: Position;
  /** Subjects that the weights have learnt from, by kind of label: nobody may be tested on them. */
  subjects: KnownSubjects;
}

/** Subjects by the kind of label that was learnt from them; of `adaptation` none. */
export interface KnownSubjects {
  pretraining: string[];
  actionUnits: string[];
  adaptation?: string[];
}

/** A checkpoint that cannot be used; the message says why and what to do. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
}

/** Name of the checkpoint in a run folder; the one before it ends in `.previous`. */
export const CHECKPOINT_FILE = "checkpoint.safetensors";

/**
 * Writes the checkpoint of a run folder.
 * @throws {WriteError} when it cannot be written whole, such as on a full disk; the last good one stays
 */
export function saveCheckpoint<Position>(folder: string, checkpoint: Checkpoint<Position>): void {
  const path = join(folder, CHECKPOINT_FILE);
  writeAtomically(path, encode(checkpoint), `${path}.previous`);
}

/** Whether a run folder has a checkpoint, be it only the older one, which `loadCheckpoint` then points to. */
export function hasCheckpoint(folder: string): boolean {
  const path = join(folder, CHECKPOINT_FILE);
  return exists(path) || exists(`${path}.previous`);
}

/**
 * Reads and verifies the checkpoint of a run folder.
 * @throws {CheckpointError} missing, truncated or altered; it names the older one where that is whole
 */
export function loadCheckpoint<Position>(folder: string): Checkpoint<Position> {
  const path = join(folder, CHECKPOINT_FILE);
  if (!exists(path)) {
    throw new CheckpointError(`${folder} has no ${CHECKPOINT_FILE}. ${remedy(`${path}.previous`)}`);
  }
  try {
    return readWhole(path);
  } catch (error) {
    const reason = error instanceof CheckpointError
      ? error.message
      : `${path} is damaged: ${(error as Error).message}.`;
    throw new CheckpointError(`${reason} ${remedy(`${path}.previous`)}`);
  }
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
  // deno-lint-ignore camelcase -- the format's own name
  data_offsets: [from: number, to: number];
}

/** The file's parts: its head, then the tensors one after the other. */
function encode<Position>({ state, config, position, subjects }: Checkpoint<Position>): Uint8Array[] {
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
  return [length, padded, ...parts];
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
  if (typeof meta?.sha256 !== "string") throw damaged("is no checkpoint of this program, or was altered");
  const state: StateValues = {};
  const parts: Uint8Array[] = [];
  let end = 8 + length;
  for (const [name, entry] of Object.entries(header as Record<string, StoredTensor>)) {
    const [from, to] = entry.data_offsets.map((offset) => 8 + length + offset);
    if (to > file.length) throw damaged("is truncated");
    const part = file.slice(from, to);
    parts.push(part);
    end = to;
    const slash = name.indexOf("/");
    const values: TensorValues["values"] = new (entry.dtype === "I32" ? Int32Array : Float32Array)(
      part.buffer,
    );
    (state[name.slice(0, slash)] ??= {})[name.slice(slash + 1)] = { shape: entry.shape, values };
  }
  if (end !== file.length) throw damaged("has bytes behind its end: it was altered after it was written");
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
