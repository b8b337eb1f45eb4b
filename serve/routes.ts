/**
 * The routes of the API, as OpenAPI describes them.
 * @module
 */
import { createRoute, z } from "@hono/zod-openapi";
import {
  answerSchema,
  errorSchema,
  imagesFormSchema,
  inferRequestSchema,
  inferResponseSchema,
  modelMetadataSchema,
  modelSchema,
  serverSchema,
} from "./schemas.ts";

const REFUSALS = {
  400: "The request cannot be read",
  401: "The token is missing or wrong",
  404: "There is no such model",
  408: "The body did not arrive in time",
  413: "The body or a picture is too large",
  415: "The body is of a kind that is not taken",
  422: "The picture is broken",
  429: "This client asked too often",
  503: "The server is busy or not ready",
  504: "The answer was not ready in time",
} as const;

function refusals<S extends keyof typeof REFUSALS>(...statuses: S[]) {
  const content = { "application/json": { schema: errorSchema } };
  return Object.fromEntries(
    statuses.map((status) => [status, { description: REFUSALS[status], content }]),
  ) as unknown as {
    [K in S]: { description: string; content: typeof content };
  };
}

function json<T extends z.ZodType>(schema: T, description: string) {
  return { 200: { description, content: { "application/json": { schema } } } };
}

const security: Record<string, string[]>[] = [{}, { bearer: [] }];
/** Never checked by the schema: the decoder decides what the bytes are. */
const binary = z.never().openapi({ type: "string", format: "binary" });
const model = z.object({ model: z.string().openapi({ example: "emoco" }) });

export const detectRoute = createRoute({
  method: "post",
  path: "/v1/detect",
  tags: ["Faces"],
  summary: "Action units of every face",
  description: "One picture as the body, or several in a multipart form, each in a field `image`.",
  security,
  request: {
    body: {
      required: false,
      content: {
        "image/jpeg": { schema: binary },
        "image/png": { schema: binary },
        "image/webp": { schema: binary },
        "multipart/form-data": { schema: imagesFormSchema },
      },
    },
  },
  responses: {
    ...json(answerSchema, "Every face of each picture"),
    ...refusals(400, 401, 408, 413, 415, 422, 429, 503, 504),
  },
});

export const streamRoute = createRoute({
  method: "post",
  path: "/v1/stream",
  tags: ["Faces"],
  summary: "Action units of every frame of a video",
  description:
    "JPEG pictures one directly after another in, one line of JSON a frame out, in order, as they come. " +
    "A line holds what /v1/detect answers and the frame's number, or the frame's number and an error.",
  security,
  request: { body: { required: true, content: { "video/x-motion-jpeg": { schema: binary } } } },
  responses: {
    200: { description: "One line a frame", content: { "application/x-ndjson": { schema: z.string() } } },
    ...refusals(400, 401, 429, 503),
  },
});

export const modelRoute = createRoute({
  method: "get",
  path: "/v1/model",
  tags: ["Faces"],
  summary: "The model card and the engine",
  security,
  responses: { ...json(modelSchema, "What the model is and how it is used"), ...refusals(401, 429) },
});

export const liveRoute = createRoute({
  method: "get",
  path: "/v2/health/live",
  tags: ["Health"],
  summary: "Whether the server runs",
  responses: json(z.object({ live: z.literal(true) }), "It runs"),
});

export const readyRoute = createRoute({
  method: "get",
  path: "/v2/health/ready",
  tags: ["Health"],
  summary: "Whether the server takes requests",
  responses: { ...json(z.object({ ready: z.literal(true) }), "It does"), ...refusals(503) },
});

export const serverRoute = createRoute({
  method: "get",
  path: "/v2",
  tags: ["Open Inference Protocol"],
  summary: "The server",
  security,
  responses: { ...json(serverSchema, "Name and version"), ...refusals(401, 429) },
});

export const modelMetadataRoute = createRoute({
  method: "get",
  path: "/v2/models/{model}",
  tags: ["Open Inference Protocol"],
  summary: "Inputs and outputs of the model",
  security,
  request: { params: model },
  responses: { ...json(modelMetadataSchema, "Inputs and outputs"), ...refusals(401, 404, 429) },
});

export const modelReadyRoute = createRoute({
  method: "get",
  path: "/v2/models/{model}/ready",
  tags: ["Open Inference Protocol"],
  summary: "Whether the model takes requests",
  security,
  request: { params: model },
  responses: { ...json(z.object({ ready: z.literal(true) }), "It does"), ...refusals(401, 404, 429, 503) },
});

export const inferRoute = createRoute({
  method: "post",
  path: "/v2/models/{model}/infer",
  tags: ["Open Inference Protocol"],
  summary: "The model's outputs for ready-made crops",
  security,
  request: {
    params: model,
    body: { required: true, content: { "application/json": { schema: inferRequestSchema } } },
  },
  responses: {
    ...json(inferResponseSchema, "The outputs asked for, or all"),
    ...refusals(400, 401, 404, 408, 413, 415, 429, 503, 504),
  },
});
