import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";

type Check = Readonly<Record<string, unknown>>;

/**
 * Turns the value of --health into a health check. The value is a path (`/healthz`) or a URL for http, `tcp` or `tcp:PORT`
 * for a connection, or `none`. Without a value, a unit with a port gets a check that connects to the port.
 */
export function readHealth(text: string | undefined, port: number | undefined): Result<Check | null, ApiError> {
  if (text === undefined || text === "") return ok(port === undefined ? null : tcp("${PORT}"));
  if (text === "none") return ok(null);
  if (/^https?:\/\/./.test(text)) return ok({ type: "http", endpoint: escape(text) });
  const ownPort = /^tcp:(\d{1,5})$/.exec(text)?.[1];
  if (ownPort !== undefined) return ok(tcp(Number(ownPort)));
  const isPath = text.startsWith("/");
  if (!isPath && text !== "tcp") return err(refusal(`cannot use ${text} as a health check`, FORMS));
  if (port === undefined)
    return err(refusal(`cannot check ${text}: there is no port`, "add --port, or give a URL such as http://127.0.0.1:8080/healthz"));
  return ok(isPath ? { type: "http", endpoint: `http://127.0.0.1:\${PORT}${escape(text)}` } : tcp("${PORT}"));
}

const FORMS = "give a path (/healthz), a URL, tcp, tcp:PORT or none";

const tcp = (port: number | string): Check => ({ type: "tcp", host: "127.0.0.1", port });
const escape = (text: string): string => text.replaceAll("%", "%%").replaceAll("${", () => "$${");
const refusal = (message: string, hint: string): ApiError => ({ code: "bad-request", message, hint });
