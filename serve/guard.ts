/**
 * What every request passes before and after its route: its number, the log, headers, token, rate and deadline.
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { bearerAuth } from "hono/bearer-auth";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { routePath } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import { timingSafeEqual } from "hono/utils/buffer";
import type { Context } from "hono";
import { ApiError, errorBody, toApiError } from "./api_error.ts";
import { startDeadline } from "./deadline.ts";
import type { Metrics } from "./metrics.ts";
import { RateLimit } from "./rate_limit.ts";
import type { SentImage } from "./request_images.ts";

/** A line of the log: what happened, never what was in a picture. */
export type LogEntry = Readonly<Record<string, string | number | boolean | undefined>> & {
  readonly event: string;
};

/** What the app's handlers find in their context. */
export interface AppEnv {
  Bindings: {
    /** Address of the client, where the platform tells it. */
    client?: string;
  };
  Variables: {
    requestId: string;
    /** Aborts at the request's deadline or when the client has gone. */
    signal: AbortSignal;
    /** The pictures of a request to /v1/detect. */
    images: readonly SentImage[];
    /** What stands behind the JSON of a request to infer. */
    binary: Uint8Array<ArrayBuffer>;
    /** What the request's line in the log says beside the usual. */
    noted: Record<string, string | number>;
  };
}

/** How requests are guarded. */
export interface GuardOptions {
  /** What a client must send as `Authorization: Bearer <token>`, except to /v2/health/*. */
  readonly token?: string;
  /** Origins whose pages may read the answers; ["*"] for all. None unless given. */
  readonly cors?: readonly string[];
  /** Requests a minute of each client; unlimited unless given. */
  readonly ratePerMinute?: number;
  /** Milliseconds from arrival to answer; 30,000 unless given. */
  readonly deadlineMs?: number;
  /** Takes the log's lines. */
  readonly log?: (entry: LogEntry) => void;
  /** Aborts when the server is about to stop: it is not ready then, but still answers. */
  readonly draining?: AbortSignal;
}

/** Milliseconds from arrival to answer unless an option says otherwise. */
export const DEADLINE_MS = 30_000;

/** Puts the guards in front of the app's routes. */
export function guard(app: OpenAPIHono<AppEnv>, options: GuardOptions, metrics: Metrics): void {
  const { token, log = () => {}, draining, deadlineMs = DEADLINE_MS } = options;
  const rate = options.ratePerMinute ? new RateLimit(options.ratePerMinute) : undefined;

  app.use(requestId());
  app.use(async (c, next) => {
    const start = performance.now();
    c.set("noted", {});
    await next();
    if (draining?.aborted) c.header("Connection", "close"); // a client must not reuse what is about to close
    const ms = performance.now() - start, { status } = c.res, route = routeOf(c);
    metrics.countRequest(methodOf(c), route, status, ms);
    log({
      event: "request",
      requestId: c.get("requestId"),
      method: methodOf(c),
      route,
      status,
      ms: Math.round(ms * 10) / 10,
      client: c.env?.client,
      ...c.get("noted"),
    });
  });
  app.use(secureHeaders({
    // A reverse proxy that ends TLS may say so for its whole host; this server speaks plain HTTP.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: options.cors ? "cross-origin" : "same-origin",
    xFrameOptions: "DENY",
    contentSecurityPolicy: undefined,
  }));
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has("Content-Security-Policy")) {
      c.header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    }
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
  });
  if (options.cors) {
    app.use(cors({
      origin: options.cors.includes("*") ? "*" : [...options.cors],
      allowHeaders: ["Authorization", "Content-Type", "X-Request-Id"],
      allowMethods: ["GET", "HEAD", "POST"],
      exposeHeaders: ["X-Request-Id", "Retry-After"],
      maxAge: 600,
    }));
  }
  app.use(methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => {
      const allow = methods.join(", ");
      return refuse(
        c,
        new ApiError(405, "method-not-allowed", `This address takes ${allow} only.`, { Allow: allow }),
      );
    },
  }));
  const auth = token === undefined ? undefined : bearerAuth<AppEnv>({ token, realm: "emoco" });
  app.use(async (c, next) => {
    if (c.req.path.startsWith("/v2/health/")) return await next();
    const wait = rate?.take(c.env?.client ?? "") ?? 0;
    if (wait > 0) {
      throw new ApiError(429, "too-many-requests", `This client asks too often; again in ${wait} s.`, {
        "Retry-After": `${wait}`,
      });
    }
    if (!auth || isPage(c) && await hasPassword(c, token!)) return await next();
    return await auth(c, next);
  });
  app.use(async (c, next) => {
    const deadline = startDeadline(deadlineMs, c.req.raw.signal);
    c.set("signal", deadline.signal);
    try {
      await next();
    } finally {
      deadline.end();
    }
  });
  app.notFound((c) => refuse(c, new ApiError(404, "not-found", "There is nothing at this address.")));
  app.onError((error, c) => {
    if (error instanceof HTTPException && error.status === 401 || isBadCredentials(error)) {
      return refuse(
        c,
        new ApiError(
          401,
          "unauthorized",
          "The token is missing or wrong: send Authorization: Bearer <token>.",
          {
            "WWW-Authenticate": [
              error.getResponse().headers.get("WWW-Authenticate") ?? "Bearer",
              ...isPage(c) ? ['Basic realm="emoco", charset="UTF-8"'] : [], // browsers then ask their user
            ].join(", "),
          },
        ),
      );
    }
    const told = toApiError(error);
    if (told.status === 500) {
      log({ event: "error", requestId: c.get("requestId"), message: `${error.stack ?? error}` });
    }
    return refuse(c, told);
  });
}

/** Whether a browser is shown something: it can send the token as a password only, and so it may, but nothing else. */
function isPage({ req: { method, path } }: Context<AppEnv>): boolean {
  return (method === "GET" || method === "HEAD") && /^\/($|reference($|\/)|openapi\.json$)/.test(path);
}

/** Whether the request carries the token as the password of Basic credentials (RFC 7617), with any name. */
async function hasPassword({ req }: Context<AppEnv>, token: string): Promise<boolean> {
  const packed = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(req.header("Authorization") ?? "")?.[1];
  if (!packed) return false;
  try {
    const [, password] = /^[^:]*:(.*)$/s.exec(atob(packed)) ?? [];
    return password !== undefined && await timingSafeEqual(token, password);
  } catch {
    return false; // no base64
  }
}

/** What hono's bearer guard throws for a header that is no token at all; a wrong token like any other here. */
function isBadCredentials(error: unknown): error is HTTPException {
  return error instanceof HTTPException && error.status === 400 &&
    error.getResponse().headers.has("WWW-Authenticate");
}

function refuse(c: Context<AppEnv>, error: ApiError): Response {
  c.get("noted").error = error.code;
  // The Open Inference Protocol has its own form, which its clients print; the request's number stands in a header.
  const body = /^\/v2(\/|$)/.test(c.req.path)
    ? { error: error.message }
    : errorBody(error, c.get("requestId"));
  // 499 is nginx's number for a client that has gone; nobody reads this answer.
  return c.json(body, error.status as 400, error.headers);
}

/** The route's pattern, so that addresses with names in them count as one. */
function routeOf(c: Context<AppEnv>): string {
  const path = routePath(c, -1);
  return path.includes("*") ? "none" : path;
}

function methodOf({ req: { method } }: Context<AppEnv>): string {
  return ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].includes(method) ? method : "other";
}
