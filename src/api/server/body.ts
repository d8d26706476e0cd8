import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import { isDeeperThan, locateJsonError } from "../contract/json.ts";

export const MAX_BODY = 1024 * 1024;
/** Maximum depth of JSON values, as in unit files. Validation and error messages visit values recursively. */
export const MAX_DEPTH = 64;

/** Reads the JSON body of a request. The value is undefined if there is no body. Buffers at most MAX_BODY bytes. */
export async function readJson(request: Request): Promise<Result<unknown, ApiError>> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > MAX_BODY) return err(TOO_LARGE);
  if (length === "0" || request.body === null) return ok(undefined);
  const bytes = await readAll(request.body);
  if (bytes === null) return err(TOO_LARGE);
  if (bytes.length === 0) return ok(undefined);
  const type = (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/json") {
    const message = `cannot read the body: its content-type is ${type || "missing"}, not application/json`;
    return err({ code: "bad-request", message, hint: "send the header content-type: application/json" });
  }
  return parse(bytes);
}

const TOO_LARGE: ApiError = { code: "too-large", message: "cannot accept the body: it is larger than 1 MiB" };

/** Reads a body. Returns null as soon as it exceeds the limit, because a chunked body has no content-length to check in advance. */
async function readAll(body: ReadableStream<Uint8Array>): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY) return null;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parse(bytes: Uint8Array): Result<unknown, ApiError> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return err({ code: "bad-request", message: "cannot read the body: it is not UTF-8" });
  }
  if (isDeeperThan(MAX_DEPTH, text))
    return err({ code: "bad-request", message: `cannot read the body: it is nested deeper than ${MAX_DEPTH} levels` });
  try {
    return ok(JSON.parse(text));
  } catch (error) {
    const at = locateJsonError(text);
    const place = at ? ` at line ${at.line}, column ${at.column}` : "";
    const words = error instanceof Error ? error.message.replace(/^JSON Parse error: /, "") : String(error);
    return err({ code: "bad-request", message: `cannot read the body: not JSON${place}: ${words}` });
  }
}
