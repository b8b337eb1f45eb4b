/**
 * A page that shows the API. Swagger UI's own files are handed in and served from here, so that the page works offline
 * and asks no other origin for anything (Scalar's page fetches its script from a foreign one).
 * @module
 */

/** Files of `swagger-ui-dist`. */
export interface ReferenceFiles {
  /** swagger-ui-bundle.js */
  readonly script: Uint8Array<ArrayBuffer>;
  /** swagger-ui.css */
  readonly style: Uint8Array<ArrayBuffer>;
}

/** What the page may load; Swagger UI sets styles of its elements from its script. */
export const REFERENCE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>EmoCo API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/reference/style.css">
</head>
<body>
<div id="reference"></div>
<script src="/reference/script.js"></script>
<script src="/reference/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: "none",
});
`;

/** The page's files by path. */
export function referencePage(
  { script, style }: ReferenceFiles,
): Record<string, [type: string, content: string | Uint8Array<ArrayBuffer>]> {
  return {
    "/reference": ["text/html; charset=utf-8", PAGE],
    "/reference/start.js": ["text/javascript; charset=utf-8", START],
    "/reference/script.js": ["text/javascript; charset=utf-8", script],
    "/reference/style.css": ["text/css; charset=utf-8", style],
  };
}
