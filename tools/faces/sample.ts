/** One point of a surface while it is being shaded; a single object is reused for all samples. */
export class Sample {
  /** Place on the rest head: what paint and noise are fixed to. */
  x = 0;
  y = 0;
  z = 0;
  /** Reflectance, linear. */
  r = 0;
  g = 0;
  b = 0;
  /** Strength and sharpness of the highlight. */
  specular = 0;
  gloss = 20;
  /** Slope added to the surface, along the rest head's axes. */
  gx = 0;
  gy = 0;
  gz = 0;
  /** Share of the light that reaches this point past details the mesh does not hold. */
  open = 1;
  /** How far light wraps into shade, as it does in skin. */
  wrap = 0;
  /** Length of hair over the scalp, from 0 at the root to 1 at the tip; hair is lit along its strands. */
  strand = 0;

  /** Moves the colour towards another one. */
  paint(r: number, g: number, b: number, share: number): void {
    this.r += (r - this.r) * share;
    this.g += (g - this.g) * share;
    this.b += (b - this.b) * share;
  }
}
