/**
 * The pictures of a request to /v1/detect: its body, or the files of its form.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { ApiError } from "./api_error.ts";
import { type MediaType, parseMediaType } from "./media_type.ts";
import { type FormPart, parseMultipart } from "./multipart.ts";

/** Pictures a request. */
export const MAX_IMAGES = 16;

/** A picture as it was sent. */
export interface SentImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The name of its file, which forms give. */
  readonly name?: string;
}

const FORM = "multipart/form-data";
/** What pictures are sent as; the decoder decides what they are. */
const IMAGE_TYPES = [
  ...["image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/x-png", "image/webp"],
  ...["application/octet-stream", "binary/octet-stream"],
];

/** Refuses a body of another type than a picture or a form, before it is read. */
export const checkImageType: MiddlewareHandler = async (c, next) => {
  const given = c.req.header("content-type"), type = parseMediaType(given);
  if (!type || type.essence !== FORM && !IMAGE_TYPES.includes(type.essence)) {
    throw new ApiError(
      415,
      "unsupported-type",
      `${
        given ? "This Content-Type" : "A body without Content-Type"
      } is not taken; send image/jpeg, image/png, ` +
        'image/webp, or multipart/form-data with fields "image".',
    );
  }
  await next();
};

/** The files of the form where there is one, else the body. */
export function readImages(body: Uint8Array<ArrayBuffer>, contentType: string | undefined): SentImage[] {
  const { essence, parameters } = parseMediaType(contentType) as MediaType;
  if (essence !== FORM) return [{ bytes: body }];
  const parts = parseMultipart(body, parameters.get("boundary"));
  const other = parts.find(({ name }) => name !== "image");
  if (other) throw misfit(`it has a field "${other.name.slice(0, 100)}", but only "image" is taken`);
  if (parts.length === 0 || !parts.every(isFile)) throw misfit('"image" must be a file, or several');
  if (parts.length > MAX_IMAGES) {
    throw new ApiError(
      413,
      "too-many-images",
      `The request holds ${parts.length} images, at most ${MAX_IMAGES} are taken: send several requests.`,
    );
  }
  return parts.map(({ content, filename }) => ({ bytes: content, ...filename && { name: filename } }));
}

/** RFC 7578 leaves the file's name to the sender: a media type that is no text's marks a file as well. */
function isFile({ filename, type }: FormPart): boolean {
  return filename !== undefined || type !== undefined && !/^text\/plain\b/i.test(type);
}

function misfit(what: string): ApiError {
  return new ApiError(400, "bad-request", `The form does not fit its description: ${what}.`);
}
