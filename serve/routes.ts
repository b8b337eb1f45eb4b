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
  protocolErrorSchema,
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
  return refusalsAs(errorSchema, ...statuses);
}

/** Refusals as the Open Inference Protocol has them. */
function protocolRefusals<S extends keyof typeof REFUSALS>(...statuses: S[]) {
  return refusalsAs(protocolErrorSchema, ...statuses);
}

function refusalsAs<T extends z.ZodType, S extends keyof typeof REFUSALS>(schema: T, ...statuses: S[]) {
  const content = { "application/json": { schema } };
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
const versioned = model.extend({ version: z.string().openapi({ example: "rendered-2" }) });

export const detectRoute = createRoute({
  method: "post",
  path: "/v1/detect",
  tags: ["Faces"],
  summary: "Action units of every face",
  description:
    "One picture as the body, or several in a multipart form, each in a field `image`. One of several that " +
    "cannot be read carries an error beside the others' answers; where none can be read, the request is refused.",
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
    "A line holds what /v1/detect answers and the frame's number, or the frame's number and an error. " +
    "With track=1 faces are followed from frame to frame and carry an id, one frame after the other on one worker.",
  security,
  request: {
    query: z.object({ track: z.enum(["0", "1"]).optional() }),
    body: { required: true, content: { "video/x-motion-jpeg": { schema: binary } } },
  },
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
  responses: { ...json(z.object({ ready: z.literal(true) }), "It does"), ...protocolRefusals(503) },
});

export const serverRoute = createRoute({
  method: "get",
  path: "/v2",
  tags: ["Open Inference Protocol"],
  summary: "The server",
  security,
  responses: { ...json(serverSchema, "Name and version"), ...protocolRefusals(401, 429) },
});

const modelMetadata = {
  method: "get" as const,
  tags: ["Open Inference Protocol"],
  summary: "Inputs and outputs of the model",
  security,
  responses: { ...json(modelMetadataSchema, "Inputs and outputs"), ...protocolRefusals(401, 404, 429) },
};
export const modelMetadataRoute = createRoute({
  ...modelMetadata,
  path: "/v2/models/{model}",
  request: { params: model },
});
export const versionMetadataRoute = createRoute({
  ...modelMetadata,
  path: "/v2/models/{model}/versions/{version}",
  request: { params: versioned },
});

const modelReady = {
  method: "get" as const,
  tags: ["Open Inference Protocol"],
  summary: "Whether the model takes requests",
  security,
  responses: {
    ...json(z.object({ ready: z.literal(true) }), "It does"),
    ...protocolRefusals(401, 404, 429, 503),
  },
};
export const modelReadyRoute = createRoute({
  ...modelReady,
  path: "/v2/models/{model}/ready",
  request: { params: model },
});
export const versionReadyRoute = createRoute({
  ...modelReady,
  path: "/v2/models/{model}/versions/{version}/ready",
  request: { params: versioned },
});

const infer = {
  method: "post" as const,
  tags: ["Open Inference Protocol"],
  summary: "The model's outputs for ready-made crops",
  description: "JSON, or JSON with the tensor's bytes behind it (the binary tensor data extension).",
  security,
  responses: {
    ...json(inferResponseSchema, "The outputs asked for, or all"),
    ...protocolRefusals(400, 401, 404, 408, 413, 415, 429, 503, 504),
  },
};
const inferBody = {
  required: true,
  content: { "application/json": { schema: inferRequestSchema } },
};
export const inferRoute = createRoute({
  ...infer,
  path: "/v2/models/{model}/infer",
  request: { params: model, body: inferBody },
});
export const versionInferRoute = createRoute({
  ...infer,
  path: "/v2/models/{model}/versions/{version}/infer",
  request: { params: versioned, body: inferBody },
});
