import { ERRORS, type ApiError } from "../contract/errors.ts";

/**
 * Headers of all responses. Browsers must not guess content types. They must not cache responses, which describe the present state and
 * may contain data for the operator only.
 */
const COMMON = { "x-content-type-options": "nosniff", "cache-control": "no-store", "referrer-policy": "no-referrer" } as const;
const JSON_HEADERS = { ...COMMON, "content-type": "application/json" } as const;

export const jsonAnswer = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: JSON_HEADERS });

export const textAnswer = (text: string, type: string): Response => new Response(text, { headers: { ...COMMON, "content-type": type } });

export function errorAnswer(error: ApiError, headers: Readonly<Record<string, string>> = {}): Response {
  const { code, message, hint } = error;
  const body = JSON.stringify({ error: hint === undefined ? { code, message } : { code, message, hint } });
  return new Response(body, { status: ERRORS[code].status, headers: { ...JSON_HEADERS, ...headers } });
}

/** The header that stops nginx from buffering a stream. The server also uses it to recognise streaming responses. */
export const STREAM_HEADER = "x-accel-buffering";

export const streamAnswer = (body: ReadableStream, type: string): Response =>
  new Response(body, { headers: { ...COMMON, "content-type": type, [STREAM_HEADER]: "no" } });
