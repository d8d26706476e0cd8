import { errorAnswer } from "./answer.ts";

/** A file of the page, as the build created it. `path` is relative to the page, for example `./chunk-1a2b3c4d.js`. */
export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The static files of the page. They need no session, because they contain nothing about this machine. */
export interface Page {
  /** Returns true if the path looks like a file of the page. A request for such a path needs no token, even if the file does not exist. */
  claims(path: string): boolean;
  answer(path: string, headers: Headers): Promise<Response>;
}

/** Creates the page. The first request loads and compresses all files, so that the page costs nothing if it is never opened. */
export function createPage(load: () => Promise<readonly PageFile[]>, basePath: string): Page {
  let ready: Promise<ReadonlyMap<string, Ready>> | null = null;
  return {
    claims: (path) => path === "/" || HASHED.test(path),
    async answer(path, headers) {
      const files = await (ready ??= load().then((found) => prepare(found, basePath)));
      const file = files.get(path);
      return file
        ? send(file, headers)
        : errorAnswer({ code: "not-found", message: `there is nothing at ${path}`, hint: "reload the page" });
    },
  };
}

/** Matches the paths of files whose names contain a hash of the content, so that browsers may cache them for ever. */
const HASHED = /^\/[\w-]{1,40}-[a-z0-9]{8}\.(?:js|css|svg)$/;

type Coding = "zstd" | "gzip" | "identity";

interface Ready {
  readonly tag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodies: Readonly<Record<Coding, Uint8Array>>;
}

async function prepare(files: readonly PageFile[], basePath: string): Promise<ReadonlyMap<string, Ready>> {
  const made = files.map(async ({ path, type, bytes }): Promise<[string, Ready]> => {
    const isIndex = path.endsWith(".html");
    const body = isIndex ? withBase(bytes, basePath) : bytes;
    const headers = { ...COMMON, "content-type": type, "cache-control": isIndex ? "no-cache" : "public, max-age=31536000, immutable" };
    const tag = Bun.hash(body).toString(36);
    return [isIndex ? "/" : `/${path.replace(/^\.?\//, "")}`, { tag, headers, bodies: await encode(body) }];
  });
  return new Map(await Promise.all(made));
}

/**
 * Adds the base path to the page. Behind a proxy, a browser may request the page without the trailing slash. The relative
 * references of the page would then not be found.
 */
function withBase(html: Uint8Array, basePath: string): Uint8Array {
  if (basePath === "") return html;
  return Buffer.from(Buffer.from(html).toString("utf8").replace("<head>", `<head><base href="${basePath}/">`));
}

async function encode(body: Uint8Array): Promise<Ready["bodies"]> {
  const [{ promisify }, { constants, gzip, zstdCompress }] = await Promise.all([import("node:util"), import("node:zlib")]);
  const zstd = promisify(zstdCompress)(body, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
  return { identity: body, gzip: await promisify(gzip)(body, { level: 9 }), zstd: await zstd };
}

/** The content security policy. It allows scripts, styles and connections only for this origin, and no display in a frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const COMMON = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  vary: "accept-encoding",
} as const;

function send({ tag, headers, bodies }: Ready, request: Headers): Response {
  const coding = choose(request.get("accept-encoding") ?? "");
  const etag = `"${tag}-${coding}"`;
  const all: Record<string, string> = { ...headers, etag };
  if (coding !== "identity") all["content-encoding"] = coding;
  if (matches(request.get("if-none-match"), etag)) return new Response(null, { status: 304, headers: all });
  return new Response(bodies[coding] as Uint8Array<ArrayBuffer>, { headers: all });
}

/**
 * Chooses the content coding for a value of Accept-Encoding (RFC 9110 §12.5.3). Among all accepted codings, the one with the
 * smallest result is chosen. Therefore the only weight that has an effect is `q=0`.
 */
function choose(accepted: string): Coding {
  const offers = new Map(
    accepted.split(",").map((offer) => [offer.split(";")[0]!.trim().toLowerCase(), !/;\s*q=0(\.0*)?\s*$/.test(offer)]),
  );
  const takes = (coding: string): boolean => offers.get(coding) ?? offers.get("*") ?? false;
  return takes("zstd") ? "zstd" : takes("gzip") ? "gzip" : "identity";
}

/** Returns true if the value of If-None-Match matches the ETag, by weak comparison (RFC 9110 §13.1.2). */
const matches = (header: string | null, etag: string): boolean =>
  header !== null && header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
