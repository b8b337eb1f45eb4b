/**
 * The pictures of a request to /v1/detect: its body, or the files of its form.
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { ApiError } from "./api_error.ts";

/** Pictures a request. */
export const MAX_IMAGES = 16;

const IMAGE_TYPES = ["image/jpeg", "image/jpg", "image/png", "image/webp", "application/octet-stream"];

/** Refuses a body of another type than a picture or a form, before it is read. */
export const checkImageType: MiddlewareHandler = async (c, next) => {
  const type = mediaType(c);
  if (type !== "multipart/form-data" && !IMAGE_TYPES.includes(type)) {
    const given = c.req.header("content-type") ? "This Content-Type" : "A body without Content-Type";
    throw new ApiError(
      415,
      "unsupported-type",
      `${given} is not taken; send image/jpeg, image/png, image/webp, or multipart/form-data with fields "image".`,
    );
  }
  await next();
};

/** The files of the form where there is one, else the body. */
export async function readImages(
  c: Context,
  form: File | File[] | undefined,
): Promise<Uint8Array<ArrayBuffer>[]> {
  if (mediaType(c) !== "multipart/form-data") return [new Uint8Array(await c.req.arrayBuffer())];
  const files = form === undefined ? [] : [form].flat();
  if (files.length > MAX_IMAGES) {
    throw new ApiError(
      413,
      "too-many-images",
      `The request holds ${files.length} images, at most ${MAX_IMAGES} are taken: send several requests.`,
    );
  }
  return await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
}

function mediaType(c: Context): string {
  return (c.req.header("content-type") ?? "").split(";")[0].trim().toLowerCase();
}
