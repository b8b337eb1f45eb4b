/**
 * The addresses of the API by what goes in and what comes out, written out for those who read or generate declarations;
 * `createApp` is held to it by the compiler, `routes.ts` says the same to OpenAPI.
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { ModelCard } from "@emoco/web/model-card";
import type { AppEnv } from "./guard.ts";
import type { Answer, Engine, SeenImage } from "./image_detector.ts";

/** What every refusal says. */
export interface Refusal {
  /** `code` for programs, `message` a sentence for people, `requestId` for whoever looks into the log. */
  readonly error: { readonly code: string; readonly message: string; readonly requestId: string };
}

/** What the Open Inference Protocol's refusals say. */
export interface ProtocolRefusal {
  /** A sentence. */
  readonly error: string;
}

/** An answer of Hono's typed client for each status. */
type Answers<Input, Output, Status> = Status extends number
  ? { input: Input; output: Output; outputFormat: "json"; status: Status }
  : never;

type Post<Input, Output, Refused, Said = Refusal> = {
  $post: Answers<Input, Output, 200> | Answers<Input, Said, Refused>;
};
type Get<Input, Output, Refused = never, Said = Refusal> = {
  $get: Answers<Input, Output, 200> | Answers<Input, Said, Refused>;
};

/** Numbers in rows, as JSON nests them. */
export type Nested = number | Nested[];

/** A request of the Open Inference Protocol: FP32 `image`, [N, 3, S, S]. */
export interface InferRequest {
  id?: string;
  parameters?: Record<string, unknown>;
  inputs: {
    name: "image";
    shape: number[];
    datatype: "FP32";
    /** Absent where the tensor follows the JSON as bytes, whose number `binary_data_size` is. */
    data?: Nested[];
    parameters?: { [name: string]: unknown; "binary_data_size"?: number };
  }[];
  /** Which outputs to send; all unless given. */
  outputs?: { name: string; parameters?: Record<string, unknown> }[];
}

/** A tensor of the Open Inference Protocol. */
export interface InferTensor {
  name: string;
  datatype: "FP32";
  shape: number[];
}

/** An answer of the Open Inference Protocol. */
export interface InferAnswer {
  "model_name": string;
  "model_version": string;
  id?: string;
  /** Without `data` where the tensor follows the JSON as bytes. */
  outputs: (InferTensor & { data?: number[]; parameters?: { "binary_data_size": number } })[];
}

/** A model of the Open Inference Protocol. */
export interface InferModel {
  name: string;
  versions: string[];
  platform: "onnxruntime_onnx";
  inputs: InferTensor[];
  outputs: InferTensor[];
}

/** A model card as JSON, whose lists have no fixed length. */
export type SentCard = Omit<ModelCard, "alignment"> & {
  readonly alignment: {
    readonly points: readonly ModelCard["alignment"]["points"][number][];
    readonly template: readonly (readonly [x: number, y: number])[];
  };
};

type OfModel = { param: { model: string } };
type OfVersion = { param: { model: string; version: string } };

/** The API's addresses. */
export type AppSchema = {
  "/v1/detect": Post<
    { form: { image: File | File[] } },
    Omit<Answer, "images"> & {
      /** `name` of the file, where the form had one. */
      readonly images: readonly (Omit<SeenImage, "error"> & {
        readonly name?: string;
        /** Why the picture is refused, where others of its form are not. */
        readonly error?: { readonly code: string; readonly message: string };
      })[];
    },
    400 | 401 | 408 | 413 | 415 | 422 | 429 | 503 | 504
  >;
  /** Its answer is lines of JSON, which the client has no type for. */
  "/v1/stream": { $post: Answers<{ query: { track?: "0" | "1" } }, Refusal, 400 | 401 | 429 | 503> };
  "/v1/model": Get<Record<never, never>, { engine: Engine; card: SentCard }, 401 | 429>;
  "/v2": Get<
    Record<never, never>,
    { name: string; version: string; extensions: string[] },
    401 | 429,
    ProtocolRefusal
  >;
  "/v2/health/live": Get<Record<never, never>, { live: true }>;
  "/v2/health/ready": Get<Record<never, never>, { ready: true }, 503, ProtocolRefusal>;
  "/v2/models/:model/versions/:version": Get<OfVersion, InferModel, 401 | 404 | 429, ProtocolRefusal>;
  "/v2/models/:model/versions/:version/ready": Get<
    OfVersion,
    { ready: true },
    401 | 404 | 429 | 503,
    ProtocolRefusal
  >;
  "/v2/models/:model/versions/:version/infer": Post<
    OfVersion & { json: InferRequest },
    InferAnswer,
    400 | 401 | 404 | 408 | 413 | 415 | 429 | 503 | 504,
    ProtocolRefusal
  >;
  "/v2/models/:model": Get<OfModel, InferModel, 401 | 404 | 429, ProtocolRefusal>;
  "/v2/models/:model/ready": Get<OfModel, { ready: true }, 401 | 404 | 429 | 503, ProtocolRefusal>;
  "/v2/models/:model/infer": Post<
    OfModel & { json: InferRequest },
    InferAnswer,
    400 | 401 | 404 | 408 | 413 | 415 | 429 | 503 | 504,
    ProtocolRefusal
  >;
};

/** The app: `fetch` serves it, `request` asks it without a socket. */
export type App = OpenAPIHono<AppEnv, AppSchema, "/">;

type SchemaOf<T> = T extends OpenAPIHono<AppEnv, infer S, "/"> ? S : never;

/** The addresses whose answers do not fit those of AppSchema, and those that one of the two lacks. */
type Misfits<Built> = {
  [Path in keyof Built | keyof AppSchema]: Path extends keyof Built & keyof AppSchema
    ? [Built[Path]] extends [AppSchema[Path]] ? never : Path
    : Path;
}[keyof Built | keyof AppSchema];

/** `App` for an app with just these addresses and answers that fit them; else the addresses that do not. */
export type Declared<T> = [Misfits<SchemaOf<T>>] extends [never] ? App : { misfits: Misfits<SchemaOf<T>> };
