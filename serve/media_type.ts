/**
 * Content-Type as RFC 9110 (8.3.1) allows it to be written: names in any case, spaces around the semicolons, quoted
 * values, empty parameters.
 * @module
 */

/** A media type with its parameters. */
export interface MediaType {
  /** "image/jpeg", in lower case. */
  readonly essence: string;
  /** By their names in lower case; of a name that comes twice the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const ESSENCE = new RegExp(`^[ \\t]*(${TOKEN})/(${TOKEN})[ \\t]*`);
const PARAMETER = new RegExp(
  `^;[ \\t]*(?:(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^";, \\t]*)))?[ \\t]*`,
);

/** Reads a Content-Type; undefined where there is none, or it is not one. */
export function parseMediaType(header: string | null | undefined): MediaType | undefined {
  const start = header === null || header === undefined ? null : ESSENCE.exec(header);
  if (!start) return undefined;
  const parameters = new Map<string, string>();
  for (let rest = header!.slice(start[0].length); rest !== "";) {
    const found = PARAMETER.exec(rest);
    if (!found) return undefined;
    const [whole, name, quoted, plain] = found, key = name?.toLowerCase();
    if (key && !parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain);
    rest = rest.slice(whole.length);
  }
  return { essence: `${start[1]}/${start[2]}`.toLowerCase(), parameters };
}
