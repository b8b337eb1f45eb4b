/** A data set's faces and folds as its protocol asks for them. */
import { type Face, ManifestError } from "../input/data.ts";
import { type Fold, foldOf } from "./folds.ts";
import { type BenchmarkProtocol, BENCHMARKS, type BenchmarkSet } from "./protocols.ts";
import type { Target } from "./target.ts";

/** What a protocol makes of a manifest. */
export interface ProtocolData {
  /** Faces of the set that carry a label of one of the protocol's action units; their labels of others are left out. */
  faces: Face[];
  folds: Fold[];
  /** The protocol's people who have no face in the manifest. */
  missing: string[];
  /** Faces without any label that the protocol reads. */
  unlabelled: number;
}

/**
 * Cuts the set's faces into the protocol's folds.
 * @param all every face of the manifest, whatever set it is of
 * @param path of the manifest, for messages
 * @throws {ManifestError} no face of the set, a person whom no fold knows, a fold without faces, presence that
 *   contradicts intensity
 */
export function protocolData(
  all: readonly Face[],
  set: BenchmarkSet,
  target: Target,
  path: string,
): ProtocolData {
  const protocol = BENCHMARKS[set];
  const ofSet = facesOfSet(all, set, path);
  const field = target === "intensity" ? "intensity" : "present";
  const faces = ofSet.map((face) => ({
    ...face,
    present: presence(face, protocol, path),
    intensity: new Map([...face.intensity].filter(([au]) => protocol.aus.includes(au))),
  })).filter((face) => face[field].size > 0);
  if (faces.length === 0) {
    throw new ManifestError(
      `${path}: no face of ${protocol.name} carries a label of AU ${protocol.aus.join(" ")} ("${field}").`,
    );
  }
  const unlabelled = ofSet.length - faces.length;
  return protocol.folds
    ? { faces, unlabelled, ...foldsByPeople(faces, protocol, protocol.folds, path) }
    : { faces, unlabelled, ...foldsBySplit(faces, protocol, path) };
}

/** The faces whose line says that they are of the set; all of them where no line names a set. */
function facesOfSet(all: readonly Face[], set: BenchmarkSet, path: string): readonly Face[] {
  const sets = [...new Set(all.map(({ other }) => other.set).filter((name) => name !== undefined))];
  if (sets.length === 0) return all;
  const faces = all.filter(({ other }) => other.set === set);
  if (faces.length > 0) return faces;
  throw new ManifestError(`${path}: no face is of the set "${set}"; there are faces of ${sets.join(", ")}.`);
}

/** The labels that the protocol reads, from intensity where presence is not given. */
function presence({ present, intensity, line }: Face, protocol: BenchmarkProtocol, path: string) {
  const { aus, presentFrom } = protocol;
  return new Map(aus.flatMap((au) => {
    const grade = intensity.get(au), given = present.get(au);
    const graded = grade === undefined || presentFrom === undefined ? undefined : grade >= presentFrom;
    if (given !== undefined && graded !== undefined && given !== graded) {
      throw new ManifestError(
        `${path}, line ${line}: AU${au} has intensity ${grade}, but "present" says ${
          Number(given)
        }. In ${protocol.name} ` +
          `a unit is present from intensity ${presentFrom} on.`,
      );
    }
    const label = given ?? graded;
    return label === undefined ? [] : [[au, label] as const];
  }));
}

function foldsByPeople(
  faces: readonly Face[],
  { name }: BenchmarkProtocol,
  people: readonly (readonly string[])[],
  path: string,
): Pick<ProtocolData, "folds" | "missing"> {
  const known = new Set(people.flat());
  const strangers = new Map(
    faces.filter(({ subject }) => !known.has(subject)).map(({ subject, line }) => [subject, line])
      .reverse() as [
        string,
        number,
      ][],
  );
  if (strangers.size > 0) {
    const names = [...strangers].reverse().map(([subject, line]) => `"${subject}" (line ${line})`);
    throw new ManifestError(
      `${path}: no fold of ${name} knows ${names.join(", ")}. Its folds are of people such as "${
        people[0][0]
      }".`,
    );
  }
  const present = new Set(faces.map(({ subject }) => subject));
  const missing = [...known].filter((subject) => !present.has(subject)).sort();
  const folds = people.map((fold, i) => {
    const tested = fold.filter((subject) => present.has(subject));
    if (tested.length === 0) {
      throw new ManifestError(`${path}: nobody of fold ${i + 1} of ${name} is there (${fold.join(", ")}).`);
    }
    return foldOf(faces, tested);
  });
  return { folds, missing };
}

function foldsBySplit(
  faces: readonly Face[],
  { name, runs = 1 }: BenchmarkProtocol,
  path: string,
): Pick<ProtocolData, "folds" | "missing"> {
  const ofSplit = (wanted: "au" | "test") => faces.filter(({ split }) => split === wanted);
  const other = faces.find(({ split }) => split !== "au" && split !== "test");
  if (other) {
    throw new ManifestError(
      `${path}, line ${other.line}: "split" is ${
        other.split ?? "missing"
      }. ${name} has a split of its own: "au" is what ` +
        'its training part is called here, "test" its test part.',
    );
  }
  for (const split of ["au", "test"] as const) {
    if (ofSplit(split).length === 0) {
      throw new ManifestError(`${path}: no face of ${name} is of split "${split}".`);
    }
  }
  const fold = foldOf(faces, [...new Set(ofSplit("test").map(({ subject }) => subject))]);
  return { folds: Array<Fold>(runs).fill(fold), missing: [] };
}
