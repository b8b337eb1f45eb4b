/**
 * The shapes of the API as schemas: they check what comes in, describe it in OpenAPI and type the client.
 * @module
 */
import { z } from "@hono/zod-openapi";
import { ACTION_UNITS, EMOTIONS } from "@emoco/web/facs";
import { FACE_WARNINGS } from "@emoco/web/detector";
import { ALIGNMENT_POINTS, FACE_OUTPUTS } from "@emoco/web/model-card";

const point = z.tuple([z.number(), z.number()]).openapi({
  description: "[x, y] in pixels of the upright picture",
});
const share = z.number().min(0).max(1);
const eye = z.tuple([z.number(), z.number()]).openapi({ description: "[yaw, pitch] in degrees" });

export const errorSchema = z.object({
  error: z.object({
    code: z.string().openapi({ example: "image-unsupported" }),
    message: z.string().openapi({ example: "The file is not a JPEG, PNG or WebP image." }),
    requestId: z.string(),
  }),
}).openapi("Error");

/** How the Open Inference Protocol refuses; the request's number stands in X-Request-Id. */
export const protocolErrorSchema = z.object({
  error: z.string().openapi({ example: 'There is no model of that name; this one is "emoco".' }),
}).openapi("ProtocolError");

const modelNameSchema = z.object({ name: z.string(), version: z.string() });
const engineSchema = z.enum(["native", "wasm"]).openapi({ description: "What ran the model" });

const faceSchema = z.object({
  box: z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }),
  score: share.openapi({ description: "How sure the finder is" }),
  points: z.object({ leftEye: point, rightEye: point, nose: point, mouth: point })
    .openapi({ description: "Left and right are the subject's; mouth is its centre" }),
  aus: z.array(z.object({
    au: z.number().int().openapi({ example: 12 }),
    name: z.string().openapi({ example: "Lip corner puller" }),
    probability: share,
    threshold: share,
    present: z.boolean().nullable().openapi({
      description: "probability >= threshold; null where the unit cannot be seen, and is not judged",
    }),
    intensity: z.number().min(0).max(5).optional().openapi({
      description: "On FACS's scale, of models whose target is intensity; absent where present is null",
    }),
    visible: share.optional().openapi({
      description:
        "How likely it is that the unit's place can be seen, of models that know; below 0.5 it cannot",
    }),
  })).openapi({
    description: `Of ${ACTION_UNITS.map(({ au }) => `AU${au}`).join(", ")} those the model knows`,
  }),
  emotions: z.partialRecord(z.enum(EMOTIONS), share).optional()
    .openapi({ description: "Sums to 1; absent where the model knows no emotions" }),
  points68: z.array(point).length(68).optional()
    .openapi({
      description: "iBUG's 68 points in its order; absent, as all below, where the model does not know",
    }),
  pose: z.object({ yaw: z.number(), pitch: z.number(), roll: z.number() }).optional()
    .openapi({ description: "Degrees: yaw and roll to the subject's left, pitch up" }),
  gaze: z.object({ left: eye, right: eye }).optional()
    .openapi({ description: "Against the camera: yaw to the subject's left, pitch up" }),
  openness: z.object({ leftEye: z.number(), rightEye: z.number(), mouth: z.number() }).optional()
    .openapi({ description: "Gaps as shares of the eyes' distance" }),
  id: z.number().int().positive().optional()
    .openapi({ description: "The face's number in a stream that is tracked (track=1)" }),
  warnings: z.array(z.enum(FACE_WARNINGS)).optional().openapi({
    description: "What makes the readings less sure; absent where there is nothing to say",
  }),
}).openapi("Face");

export const answerSchema = z.object({
  model: modelNameSchema,
  engine: engineSchema,
  images: z.array(z.object({
    name: z.string().optional().openapi({ description: "The file's name, where a form gives one" }),
    width: z.number().int(),
    height: z.number().int(),
    faces: z.array(faceSchema).openapi({ description: "Largest first; no face is an empty list" }),
    warnings: z.array(z.enum(["damaged"])).optional().openapi({
      description: "damaged: some of the file's pixels are; absent where there is nothing to say",
    }),
    error: z.object({ code: z.string(), message: z.string() }).optional().openapi({
      description:
        "Why this picture is refused, where others of its form are not; its size is 0 then, and it has no faces",
    }),
  })),
  timings: z.object({ decode: z.number(), find: z.number(), align: z.number(), run: z.number() })
    .openapi({ description: "Milliseconds a stage" }),
}).openapi("Answer");

export const modelSchema = z.object({
  engine: engineSchema,
  card: z.object({
    format: z.literal(1),
    name: z.string(),
    version: z.string(),
    target: z.enum(["occurrence", "intensity"]),
    aus: z.array(z.object({
      au: z.number().int(),
      threshold: share,
      calibration: z.tuple([z.number(), z.number()]).optional().openapi({
        description:
          "[slope, offset]: probability = sigmoid(slope logit(p) + offset) of the model's number p",
      }),
    })),
    emotions: z.array(z.enum(EMOTIONS)).nullable(),
    outputs: z.array(z.enum(FACE_OUTPUTS)).optional(),
    input: z.object({
      size: z.number().int(),
      layout: z.literal("NCHW"),
      channels: z.literal("RGB"),
      range: z.tuple([z.number(), z.number()]),
      mean: z.tuple([z.number(), z.number(), z.number()]),
      std: z.tuple([z.number(), z.number(), z.number()]),
    }),
    alignment: z.object({
      points: z.array(z.enum(ALIGNMENT_POINTS)),
      template: z.array(z.tuple([z.number(), z.number()])),
    }),
    training: z.object({ data: z.string(), subjectsSha256: z.string() }),
    metrics: z.record(z.string(), z.unknown()),
    files: z.record(
      z.string(),
      z.object({
        sha256: z.string(),
        precision: z.enum(["float32", "float16"]),
        weights: z.enum(["float16"]).optional(),
      }),
    ),
    licence: z.string(),
    limits: z.string(),
  }),
}).openapi("Model");

/** A file of a multipart body, which `request_images.ts` reads and checks. */
const file = z.instanceof(File).openapi({ type: "string", format: "binary" });
/** The pictures of a multipart body: the field `image`, as often as there are pictures. */
export const imagesFormSchema = z.strictObject({
  image: z.union([file, z.array(file).min(1)], { error: "must be a file, or several" }),
});

export const serverSchema = z.object({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});
const tensorInfo = z.object({
  name: z.string(),
  datatype: z.literal("FP32"),
  shape: z.array(z.number().int()),
});

export const modelMetadataSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.literal("onnxruntime_onnx"),
  inputs: z.array(tensorInfo),
  outputs: z.array(tensorInfo),
}).openapi("ModelMetadata");

/** The data may be nested as the shape says; the depth is what the shape allows. */
type Nested = number | Nested[];

export const inferRequestSchema = z.object({
  id: z.string().optional(),
  parameters: z.looseObject({
    binary_data_output: z.boolean().optional().openapi({
      description: "binary_data of outputs that do not say",
    }),
  }).optional(),
  inputs: z.array(z.object({
    name: z.literal("image"),
    shape: z.array(z.number().int().positive()).length(4),
    datatype: z.literal("FP32"),
    parameters: z.looseObject({
      binary_data_size: z.number().int().nonnegative().optional().openapi({
        description: "Bytes of the tensor behind the JSON, in place of data",
      }),
    }).optional(),
    data: z.array(z.custom<Nested>()).optional().openapi({ type: "array", items: { type: "number" } }),
  })).length(1),
  outputs: z.array(z.object({
    name: z.string(),
    parameters: z.looseObject({
      binary_data: z.boolean().optional().openapi({ description: "Whether it is answered behind the JSON" }),
    }).optional(),
  })).optional(),
}).openapi("InferRequest");

export const inferResponseSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(z.object({
    name: z.string(),
    shape: z.array(z.number().int()),
    datatype: z.literal("FP32"),
    data: z.array(z.number()).optional().openapi({ description: "Absent where it follows as bytes" }),
    parameters: z.object({ binary_data_size: z.number().int() }).optional(),
  })),
}).openapi("InferResponse");
