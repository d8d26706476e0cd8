import type { SendResult } from "../../ports/notifier.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Maximum number of characters of an answer that are read, for the message about a failure. */
const MOST_CHARACTERS = 300;
const MOST_RETRY_AFTER_MS = 3_600_000;

/** Performs one request. Redirects are not followed, because the answer of another server says nothing about the delivery. */
export async function request({ method, url, headers, body }: HttpRequest, signal: AbortSignal): Promise<SendResult> {
  const { host } = new URL(url);
  try {
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal });
    if (response.ok) {
      void response.body?.cancel();
      return { ok: true, detail: `HTTP ${response.status}` };
    }
    return refused(host, response, await beginningOf(response, signal));
  } catch (error) {
    return { ok: false, kind: "temporary", detail: `${host}: ${wordsOf(error, signal)}`, retryAfterMs: null };
  }
}

/** Client errors that are temporary. With any other client error, the same request would fail again. */
const WORTH_A_RETRY: ReadonlySet<number> = new Set([408, 421, 423, 425, 429]);

function refused(host: string, response: Response, text: string): SendResult {
  const { status } = response;
  const isPermanent = status >= 400 && status < 500 && !WORTH_A_RETRY.has(status);
  const redirected = status >= 300 && status < 400 ? ", and redirects are not followed" : "";
  const detail = `${host} answered HTTP ${status}${redirected}${text === "" ? "" : `: ${text}`}`;
  return {
    ok: false,
    kind: isPermanent ? "permanent" : "temporary",
    detail,
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
  };
}

/** Parses Retry-After, which is a number of seconds or a date (RFC 9110). Discord and Slack send seconds, sometimes with fractions. */
export function retryAfterMs(header: string | null, nowMs = Date.now()): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, Math.ceil(ms)), MOST_RETRY_AFTER_MS);
}

async function beginningOf(response: Response, signal: AbortSignal): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (text.length < MOST_CHARACTERS && !signal.aborted) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value as Uint8Array, { stream: true });
    }
  } catch {
    // The status alone is sufficient.
  }
  void reader.cancel().catch(() => {});
  return text.replace(/\s+/g, " ").trim().slice(0, MOST_CHARACTERS);
}

function wordsOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  switch (code) {
    case "ConnectionRefused":
    case "ECONNREFUSED":
      return "the connection was refused";
    case "ECONNRESET":
    case "ConnectionClosed":
      return "the connection was closed before the answer";
    case "ENOTFOUND":
    case "FailedToOpenSocket":
      return "no connection: the name may be wrong, or the network down";
    default:
      return code ?? message ?? String(error);
  }
}
