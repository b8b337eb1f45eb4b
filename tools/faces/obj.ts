/** Wavefront OBJ files, as far as a head needs them: v, vt, f and usemtl. */

/** A mesh with polygons cut into triangles. */
export interface ObjMesh {
  /** Vertices, [V, 3], and texture coordinates, [U, 2]. */
  readonly vertices: Float32Array;
  readonly textures: Float32Array;
  /** Indices into both from 0, [T, 3]. */
  readonly triangles: Int32Array;
  readonly textureTriangles: Int32Array;
  /** The material of each triangle. */
  readonly materials: readonly string[];
}

/** Only the vertices of an OBJ text, [V, 3]; throws an Error that names `file` and the line. */
export function parseObjVertices(text: string, file: string): Float32Array {
  const out: number[] = [];
  let at = 0, line = 0;
  while (at < text.length) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    line++;
    if (text.charCodeAt(at) === 118 && (text.charCodeAt(at + 1) === 32 || text.charCodeAt(at + 1) === 9)) {
      pushNumbers(out, text.slice(at + 2, end), 3, file, line);
    }
    at = end + 1;
  }
  if (out.length === 0) throw new Error(`${file} has no vertices: is it an OBJ file?`);
  return Float32Array.from(out);
}

function pushNumbers(out: number[], text: string, count: number, file: string, line: number): void {
  const values = text.trim().split(/\s+/).slice(0, count).map(Number);
  if (values.length < count || values.some((value) => !Number.isFinite(value))) {
    throw new Error(`${file}, line ${line}: expected ${count} numbers, found "${text.trim()}"`);
  }
  out.push(...values);
}

/** A whole OBJ text; polygons become fans of triangles. Throws an Error that names `file` and the line. */
export function parseObj(text: string, file: string): ObjMesh {
  const textures: number[] = [], triangles: number[] = [], textureTriangles: number[] = [];
  const materials: string[] = [];
  const vertices = parseObjVertices(text, file), vertexCount = vertices.length / 3;
  let material = "";
  text.split("\n").forEach((raw, i) => {
    const line = i + 1, [word, ...rest] = raw.trim().split(/\s+/);
    if (word === "vt") pushNumbers(textures, rest.join(" "), 2, file, line);
    else if (word === "usemtl") material = rest.join(" ");
    else if (word === "f") {
      if (rest.length < 3) throw new Error(`${file}, line ${line}: a face of ${rest.length} corners`);
      if (!material) {
        throw new Error(`${file}, line ${line}: a face before any usemtl, so its material is unknown`);
      }
      const corners = rest.map((corner) => {
        const [v, vt] = corner.split("/").map((part) => part === "" ? NaN : Number(part));
        // Negative indices count back from the last one read.
        const place = v < 0 ? vertexCount + v : v - 1;
        const texture = vt === undefined ? NaN : vt < 0 ? textures.length / 2 + vt : vt - 1;
        if (!(Number.isInteger(place) && place >= 0 && place < vertexCount)) {
          throw new Error(`${file}, line ${line}: "${corner}" names no vertex`);
        }
        if (!(Number.isInteger(texture) && texture >= 0 && texture < textures.length / 2)) {
          throw new Error(`${file}, line ${line}: "${corner}" names no texture coordinate`);
        }
        return [place, texture];
      });
      for (let k = 1; k + 1 < corners.length; k++) {
        for (const corner of [corners[0], corners[k], corners[k + 1]]) {
          triangles.push(corner[0]);
          textureTriangles.push(corner[1]);
        }
        materials.push(material);
      }
    }
  });
  if (triangles.length === 0) throw new Error(`${file} has no faces`);
  return {
    vertices,
    textures: Float32Array.from(textures),
    triangles: Int32Array.from(triangles),
    textureTriangles: Int32Array.from(textureTriangles),
    materials,
  };
}
