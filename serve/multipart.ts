/**
 * The body of a form with files (RFC 7578 on RFC 2046's frame), as browsers, curl and the libraries of many languages
 * write it.
 * @module
 */
import { ApiError } from "./api_error.ts";

/** A part of a form. */
export interface FormPart {
  readonly name: string;
  readonly filename?: string;
  /** Media type of the content, as it was written. */
  readonly type?: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

const CR = 13, LF = 10, DASH = 45;
/** Parts that are read at most, far more than pictures that are taken. */
const MAX_PARTS = 256;

/** The parts of a body in their order; an ApiError says what is wrong with the form. */
export function parseMultipart(body: Uint8Array<ArrayBuffer>, boundary: string | undefined): FormPart[] {
  if (!boundary) throw malformed("its Content-Type names no boundary");
  const mark = new TextEncoder().encode(`--${boundary}`), parts: FormPart[] = [];
  let from = -1;
  for (let at = findMark(body, mark, 0); at >= 0;) {
    if (from >= 0) parts.push(readPart(body.subarray(from, endOfPart(body, at))));
    if (parts.length > MAX_PARTS) throw malformed(`it has more than ${MAX_PARTS} parts`);
    const after = at + mark.length;
    if (body[after] === DASH && body[after + 1] === DASH) return parts;
    const line = body.indexOf(LF, after);
    if (line < 0) break;
    from = line + 1;
    at = findMark(body, mark, from);
  }
  throw malformed(from < 0 ? "its boundary is nowhere in it" : "it ends before its last boundary");
}

/** The next boundary, which begins a line; what follows it there is white space, or two dashes. */
function findMark(body: Uint8Array, mark: Uint8Array, from: number): number {
  for (let at = body.indexOf(DASH, from); at >= 0; at = body.indexOf(DASH, at + 1)) {
    if (at > 0 && body[at - 1] !== LF) continue;
    if (!mark.every((byte, i) => body[at + i] === byte)) continue;
    const next = body[at + mark.length];
    if (next === DASH ? body[at + mark.length + 1] === DASH : [CR, LF, 32, 9].includes(next)) return at;
  }
  return -1;
}

/** The line break before a boundary belongs to the boundary. */
function endOfPart(body: Uint8Array, mark: number): number {
  return mark - (body[mark - 2] === CR ? 2 : 1);
}

function readPart(bytes: Uint8Array<ArrayBuffer>): FormPart {
  const headers = new Map<string, string>();
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(LF, at);
    if (end < 0) throw malformed("a part has no empty line after its headers");
    const line = new TextDecoder().decode(bytes.subarray(at, end)).replace(/\r$/, "");
    at = end + 1;
    if (line === "") break;
    const [, name, value] = /^([^:]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name) headers.set(name.trim().toLowerCase(), value.trim());
  }
  const disposition = headers.get("content-disposition") ?? "";
  if (!/^form-data\b/i.test(disposition)) throw malformed("a part is not form-data");
  const name = parameterOf(disposition, "name");
  if (name === undefined) throw malformed("a part has no name");
  const content = bytes.slice(at);
  return {
    name,
    filename: extended(parameterOf(disposition, "filename\\*")) ?? parameterOf(disposition, "filename"),
    type: headers.get("content-type"),
    content: /^base64$/i.test(headers.get("content-transfer-encoding") ?? "") ? fromBase64(content) : content,
  };
}

/** A parameter; quotes in it are written \" or, by browsers, %22. */
function parameterOf(disposition: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(
    disposition,
  );
  return found
    ? (found[1]?.replace(/\\(["\\])/g, "$1") ?? found[2]).replace(/%22/g, '"').replace(/%0D%0A/gi, "\n")
    : undefined;
}

/** A name as RFC 8187 packs it, which forms must not have but some libraries write: UTF-8''na%C3%AFve.jpg. */
function extended(value: string | undefined): string | undefined {
  const packed = value && /^UTF-8'[^']*'(.*)$/i.exec(value)?.[1];
  try {
    return packed ? decodeURIComponent(packed) : undefined;
  } catch {
    return undefined;
  }
}

function fromBase64(content: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(
      atob(new TextDecoder().decode(content).replace(/\s/g, "")),
      (one) => one.charCodeAt(0),
    );
  } catch {
    throw malformed("a part is said to be base64 and is not");
  }
}

function malformed(what: string): ApiError {
  return new ApiError(400, "bad-request", `The form cannot be read: ${what}.`);
}
