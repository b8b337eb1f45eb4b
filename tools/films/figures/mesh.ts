/**
 * What MediaPipe's face mesh says of films, committed as numbers (`tests/reference/film_peer.py --readings` makes them):
 * how far lips, jaw and lids stand open, frame by frame.
 * @module
 */
import { createHash } from "node:crypto";

/** Of a film, frame by frame, in distances of the eyes; NaN where no face was seen. */
export interface MeshReadings {
  /** Gap of the inner lips, distance from the bridge of the nose to the chin, gap of the lids of both eyes. */
  readonly lips: readonly number[];
  readonly chin: readonly number[];
  readonly lids: readonly number[];
}

const COMMITTED = new URL("./mesh_readings.jsonl", import.meta.url);

/** The readings of all films that there are, by the film's sha256. @throws {Error} a line that is none, with its place */
export function readMesh(file: URL | string = COMMITTED): Map<string, MeshReadings> {
  const lines = Deno.readTextFileSync(file).split("\n").filter((line) => line.trim() !== "");
  return new Map(lines.map((line, i) => {
    try {
      const { sha256, frames }: { sha256: string; frames: ([number, number, number] | null)[] } = JSON.parse(
        line,
      );
      const column = (at: number) => frames.map((frame) => frame ? frame[at] : NaN);
      return [sha256, { lips: column(0), chin: column(1), lids: column(2) }];
    } catch (error) {
      throw new Error(`Line ${i + 1} of ${file} is no reading of a film: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }));
}

/** The digest by which a film is known, whatever it is called. */
export function filmDigest(path: string): string {
  return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
}
