/**
 * Our numbers under the names, in the units and axes of OpenFace 2.2's FeatureExtraction (Baltrusaitis et al. 2018), so
 * that scripts written for its tables go on running.
 *
 * Its camera looks along z, x to the right, y down; angles in radians, places in millimetres. Millimetres rest on two
 * assumptions: eyes are 63 mm apart, and the camera is the one that OpenFace assumes where it is told of none, with a
 * focal length of 500 pixels in a picture of 640 x 480. Units that the model lacks are left out; a model that knows
 * closed eyes (AU43) but not blinks gives them as AU45, which in a single frame is the same.
 * @module
 */
import { type Column, FACE, FRAME, type RowLayout, SCORE, TIME, unitName } from "./row.ts";

const INTENSITIES = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45];
const OCCURRENCES = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45];
const EYES_APART = 63;
const RADIANS = Math.PI / 180;

/**
 * The columns.
 * @param relative a unit's strength against the person's resting face, where that is asked for: it then stands under `_r`
 */
export function openFaceColumns(
  layout: RowLayout,
  relative = (row: Float64Array, unit: number) => row[layout.strength(unit)],
): Column[] {
  const { aus, target } = layout.card;
  const column = (name: string, digits: number, value: (row: Float64Array) => number): Column => ({
    name,
    kind: digits === 0 ? "whole" : "number",
    digits,
    value: (row) => {
      const number = row[FACE] > 0 ? value(row) : 0; // it writes zeros where it has no face
      return Number.isFinite(number) ? number : 0;
    },
  });
  const place = (au: number) => {
    const found = aus.findIndex((unit) => unit.au === au);
    return found < 0 && au === 45 ? aus.findIndex((unit) => unit.au === 43) : found;
  };
  const whole = (name: string, value: (row: Float64Array) => number): Column => ({
    name,
    kind: "whole",
    digits: 0,
    value,
  });
  return [
    whole("frame", (row) => row[FRAME] + 1),
    whole("face_id", (row) => Math.max(0, row[FACE] - 1)),
    { name: "timestamp", kind: "number", digits: 3, value: (row) => row[TIME] },
    column("confidence", 2, (row) => row[SCORE]),
    whole("success", (row) => Number(row[FACE] > 0)),
    ...gazeColumns(layout, column),
    ...poseColumns(layout, column),
    ...layout.points < 0 ? [] : [0, 1].flatMap((axis) =>
      Array.from(
        { length: 68 },
        (_, i) => column(`${"xy"[axis]}_${i}`, 1, (row) => row[layout.points + 2 * i + axis]),
      )
    ),
    ...INTENSITIES.filter((au) => place(au) >= 0).map((au) =>
      column(
        `${unitName(au)}_r`,
        2,
        (row) => (target === "intensity" ? 1 : 5) * relative(row, place(au)),
      )
    ),
    ...OCCURRENCES.filter((au) => place(au) >= 0).map((au) =>
      column(`${unitName(au)}_c`, 2, (row) => row[layout.present(place(au))])
    ),
  ];
}

type MakeColumn = (name: string, digits: number, value: (row: Float64Array) => number) => Column;

/** gaze_0 is the eye that is leftmost in the picture, the subject's right one. */
function gazeColumns(layout: RowLayout, column: MakeColumn): Column[] {
  const [left, right] = ["gaze_left_yaw", "gaze_right_yaw"].map((name) => layout.reading(name));
  if (left < 0) return [];
  const direction = (row: Float64Array, at: number) => {
    const yaw = row[at] * RADIANS, pitch = row[at + 1] * RADIANS;
    return [Math.sin(yaw) * Math.cos(pitch), -Math.sin(pitch), -Math.cos(yaw) * Math.cos(pitch)];
  };
  const mean = (row: Float64Array) => {
    const [one, other] = [direction(row, left), direction(row, right)];
    return one.map((value, i) => (value + other[i]) / 2);
  };
  return [
    ...[right, left].flatMap((at, eye) =>
      ["x", "y", "z"].map((axis, i) => column(`gaze_${eye}_${axis}`, 6, (row) => direction(row, at)[i]))
    ),
    ...["x", "y"].map((axis, i) =>
      column(`gaze_angle_${axis}`, 3, (row) => {
        const look = mean(row);
        return Math.atan2(look[i], -look[2]);
      })
    ),
  ];
}

function poseColumns(layout: RowLayout, column: MakeColumn): Column[] {
  const yaw = layout.reading("yaw");
  if (yaw < 0) return [];
  const place = (row: Float64Array): number[] => {
    const [width, height] = layout.picture(row), { left, right } = layout.eyes(row);
    const focal = 500 * (width / 640 + height / 480) / 2;
    // Eyes look nearer to each other the more the head is turned.
    const apart = Math.hypot(left[0] - right[0], left[1] - right[1]) /
      Math.max(0.3, Math.cos(row[yaw] * RADIANS));
    const z = focal * EYES_APART / apart;
    return [
      ((left[0] + right[0]) / 2 - width / 2) * z / focal,
      ((left[1] + right[1]) / 2 - height / 2) * z / focal,
      z,
    ];
  };
  return [
    ...["x", "y", "z"].map((axis, i) => column(`pose_T${axis}`, 1, (row) => place(row)[i])),
    column("pose_Rx", 3, (row) => -row[yaw + 1] * RADIANS),
    column("pose_Ry", 3, (row) => -row[yaw] * RADIANS),
    column("pose_Rz", 3, (row) => row[yaw + 2] * RADIANS),
  ];
}
