/** One point of a surface while it is being shaded; a single object is reused for all. */
export class Sample {
  /** Place on the rest head: what paint and noise are fixed to. */
  x = 0;
  y = 0;
  z = 0;
  /** What the vertices carry beside colour; the part knows what it is. */
  u = 0;
  v = 0;
  w = 0;
  /** Reflectance, linear; as the vertices carry it, if they do. */
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

  /** Forgets the last surface. */
  clear(): void {
    this.x =
      this.y =
      this.z =
      this.u =
      this.v =
      this.w =
      this.r =
      this.g =
      this.b =
        0;
    this.gx =
      this.gy =
      this.gz =
      this.wrap =
      this.strand =
      this.specular =
        0;
    this.gloss = 20;
    this.open = 1;
  }

  /** Turns sums over samples into their mean. */
  scale(mean: number): void {
    this.x *= mean, this.y *= mean, this.z *= mean;
    this.u *= mean, this.v *= mean, this.w *= mean;
    this.r *= mean, this.g *= mean, this.b *= mean;
  }

  /** Moves the colour towards another one. */
  paint(r: number, g: number, b: number, share: number): void {
    this.r += (r - this.r) * share;
    this.g += (g - this.g) * share;
    this.b += (b - this.b) * share;
  }
}
