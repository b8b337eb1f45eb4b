/**
 * How the field tests on the paper's data sets (paper, IV-A and IV-C): which action units, which people in which fold,
 * when a unit counts as present. The folds by subject are the field's: public code bases agree on them, and results on
 * other folds are not comparable.
 *
 * The room `scores`: who is tested on whom (protocols, folds, leaks) and how it is measured and tabled; it imports `input`
 * and `runs`.
 */

/** A paper's data set that `deno task benchmark` knows. */
export type BenchmarkSet = "bp4d" | "disfa" | "gft";

/** The protocol of a data set. */
export interface BenchmarkProtocol {
  /** As the paper writes it. */
  name: string;
  /** The paper's table. */
  table: "I" | "II" | "III";
  aus: readonly number[];
  /** People of each fold. Absent: the set's own split, the manifest's `au` to train on and `test` to test on. */
  folds?: readonly (readonly string[])[];
  /** Runs over the set's own split, whose mean is reported. */
  runs?: number;
  /** Least intensity that counts as present, where the set grades intensity. */
  presentFrom?: number;
}

const list = (text: string) => text.split(" ");

/** The protocols by the name that `--set` takes and that a manifest's lines carry as `set`. */
export const BENCHMARKS: Readonly<Record<BenchmarkSet, BenchmarkProtocol>> = {
  gft: {
    name: "GFT",
    table: "I",
    aus: [1, 2, 4, 6, 10, 12, 14, 15, 23, 24],
    runs: 3,
  },
  disfa: {
    name: "DISFA",
    table: "II",
    aus: [1, 2, 4, 6, 9, 12, 25, 26],
    presentFrom: 2, // "intensities greater than 1" (paper, IV-A.3)
    folds: [
      list("002 010 001 026 027 032 030 009 016"),
      list("013 018 011 028 012 006 031 021 024"),
      list("003 029 023 025 008 005 007 017 004"),
    ],
  },
  bp4d: {
    name: "BP4D",
    table: "III",
    aus: [1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24],
    folds: [
      list("F001 M007 F018 F008 F002 M004 F010 F009 M012 M001 F016 M014 F023 M008"),
      list("M011 F003 M010 M002 F005 F022 M018 M017 F013 M016 F020 F011 M013 M005"),
      list("F007 F015 F006 F019 M006 M009 F012 M003 F004 F021 F017 M015 F014"),
    ],
  },
};
