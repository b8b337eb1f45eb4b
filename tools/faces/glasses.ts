/** A pair of glasses: rims, bridge and temples as thin tubes, and lenses that are tinted or throw back light. */
import { unit } from "./mesh.ts";
import { type Place, type Prop, Solid } from "./solid.ts";
import type { Glasses } from "./subject.ts";

/**
 * Glasses for a face: `eyes` are its eye centres (subject's left first), `bridge` the root of its nose, `ear` the
 * half width of its head above the ears.
 */
export function glassesProps(
  glasses: Glasses,
  eyes: readonly [Place, Place],
  bridge: Place,
  ear: number,
): Prop[] {
  const frame = new Solid(), lenses = new Solid();
  const { width, height, corner, thickness, lens } = glasses;
  const half = (eyes[0][0] - eyes[1][0]) / 2, middle = (eyes[0][0] + eyes[1][0]) / 2;
  const y = (eyes[0][1] + eyes[1][1]) / 2 - 0.2;
  // The front bends back towards the temples and stands clear of nose and lashes.
  const front = (x: number) => bridge[2] + 0.5 - 0.022 * (x - middle) ** 2;
  const wide = Math.min(width, half - 0.45);
  for (const side of [1, -1]) {
    const rim: Place[] = [];
    for (let i = 0; i <= 32; i++) {
      const angle = 2 * Math.PI * i / 32, c = Math.cos(angle), s = Math.sin(angle);
      const x = middle + side * (half + 0.1) + wide * Math.sign(c) * Math.abs(c) ** (2 / corner);
      rim.push([x, y + height * Math.sign(s) * Math.abs(s) ** (2 / corner), front(x)]);
    }
    frame.tube(rim, thickness);
    const x0 = middle + side * (half + 0.1);
    // A lens bulges a little, so that it throws back light from one spot.
    lenses.grid(4, 32, (w, v) => {
      const u = 0.03 + 0.97 * w;
      const [x, py, z] = rim[Math.round(32 * v)];
      return [x0 + (x - x0) * u, y + (py - y) * u, z + 0.25 * (1 - u * u)];
    });
    const hinge = middle + side * (half + 0.1 + wide);
    const arm: Place[] = [
      [hinge, y + 0.45 * height, front(hinge)],
      [
        middle + side * (ear * 0.6 + 0.4 * Math.abs(hinge - middle) + 0.25),
        y + 0.45 * height,
        front(hinge) - 2,
      ],
      [middle + side * (ear + 0.15), y + 0.45 * height - 0.1, 2.2],
      [middle + side * (ear - 0.1), y - 0.6, -0.5],
    ];
    frame.tube(arm, thickness * 0.8);
  }
  const inner = half + 0.1 - wide;
  const arch: Place[] = [-1, -0.5, 0, 0.5, 1].map((t) => {
    const x = middle + t * inner;
    return [x, y + 0.28 * height + 0.22 * (1 - t * t), front(x) + 0.06];
  });
  frame.tube(arch, thickness * 0.9);
  const props: Prop[] = [
    {
      mesh: frame.mesh(),
      colour: glasses.colour,
      specular: 0.35,
      gloss: 60,
      wrap: 0,
      texture: 0,
      opacity: 1,
    },
  ];
  if (lens.opacity > 0.05) {
    const mesh = lenses.mesh();
    // Bent like a ball, whatever the rim's shape.
    for (let i = 0; i < mesh.vertices.length; i += 3) {
      const x = mesh.vertices[i] - middle, off = x - Math.sign(x) * (half + 0.1);
      mesh.normals.set(unit([0.14 * off, 0.14 * (mesh.vertices[i + 1] - y), 1]), i);
    }
    props.push({
      mesh,
      colour: lens.colour,
      specular: 0.5,
      gloss: 25,
      wrap: 0,
      texture: 0,
      opacity: lens.opacity,
    });
  }
  return props;
}
