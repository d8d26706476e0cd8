/** The endpoint of an HTTP health check, and the request that is sent to it. */
import { redactString } from "../../spec/redact.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Target } from "./connection.ts";

export interface Endpoint {
  readonly url: URL;
  readonly socketPath: string | null;
}

export function parseEndpoint(endpoint: string): Endpoint | null {
  if (endpoint.startsWith("unix:")) {
    const rest = endpoint.slice(5);
    const colon = rest.indexOf(":/");
    const socketPath = colon < 0 ? rest : rest.slice(0, colon);
    return { url: new URL(`http://localhost${colon < 0 ? "/" : rest.slice(colon + 1)}`), socketPath };
  }
  const url = URL.parse(endpoint);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") ? { url, socketPath: null } : null;
}

/** Returns where to connect for an endpoint. */
export function targetOf({ url, socketPath }: Endpoint, insecureTls: boolean): Target {
  const isTls = url.protocol === "https:";
  const tls = !isTls ? "no" : insecureTls ? "insecure" : "verified";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  return { path: socketPath, host: url.hostname.replace(/^\[|\]$/g, ""), port, tls };
}

/**
 * Returns the request in the form in which it is sent (RFC 9112), without a body. `headers` replace those that every request
 * has. Returns an error if a header would break the format, for example because a variable in it contains a line break.
 */
export function requestText({ url }: Endpoint, method: string, headers: Readonly<Record<string, string>>): Result<Buffer, string> {
  const fields: Record<string, string> = {
    host: url.host,
    ...(url.username !== "" && { authorization: `Basic ${credentials(url)}` }),
    ...(method !== "GET" && method !== "HEAD" && { "content-length": "0" }),
  };
  for (const [name, value] of Object.entries(headers)) fields[name.toLowerCase()] = value;
  fields.connection = "close";
  let text = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(fields)) {
    if (!TOKEN.test(name)) return err(`${JSON.stringify(name)} is not a valid name of a header`);
    if (!FIELD_VALUE.test(value))
      return err(
        `the header ${name} contains a line break or another character that is not allowed: ${redactString(JSON.stringify(value))}`,
      );
    text += `${name}: ${value}\r\n`;
  }
  return ok(Buffer.from(`${text}\r\n`, "latin1"));
}

/** RFC 9110, sections 5.6.2 and 5.5. */
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const credentials = ({ username, password }: URL): string => Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");

/**
 * Decodes percent-encoding. Returns the text unchanged if its encoding is invalid, which is possible because a redirect may lead
 * to any URL.
 */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
