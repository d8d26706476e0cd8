/**
 * HTTP health checks. They use node:http instead of fetch for two reasons. fetch obeys HTTP_PROXY, but a check of a local service
 * must not go through a proxy. Also, fetch reports the same error for a refused connection and for an unknown host.
 */
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { compilePattern, type Pattern } from "../../base/pattern.ts";
import type { ProbeResult } from "../../ports/prober.ts";
import { redactString } from "../../spec/redact.ts";
import type { HttpProbe } from "../../spec/spec.ts";
import { explain, type Settle, timed } from "./outcome.ts";

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 10;
/** The search for the expected content yields to the event loop after this many milliseconds. */
const SLICE_MS = 5;

/** Passes if the status is expected and the first MiB of the body contains the expected content. `agent` is the User-Agent header. */
export function probeHttp(spec: HttpProbe, agent: string, signal: AbortSignal): Promise<ProbeResult> {
  return timed(spec.timeoutMs, signal, (settle, doing) => {
    const probe = new Exchange(spec, agent, settle, doing);
    const target = parseEndpoint(spec.endpoint);
    if (target) probe.request(target, spec.method.toUpperCase());
    else settle("bad", `${redactString(spec.endpoint)} is not a valid endpoint: use http://…, https://… or unix:/path.sock:/url-path`);
    return () => probe.close();
  });
}

interface Target {
  readonly url: URL;
  readonly socketPath: string | null;
}

function parseEndpoint(endpoint: string): Target | null {
  if (endpoint.startsWith("unix:")) {
    const rest = endpoint.slice(5);
    const colon = rest.indexOf(":/");
    const socketPath = colon < 0 ? rest : rest.slice(0, colon);
    return { url: new URL(`http://localhost${colon < 0 ? "/" : rest.slice(colon + 1)}`), socketPath };
  }
  if (!URL.canParse(endpoint)) return null;
  const url = new URL(endpoint);
  return url.protocol === "http:" || url.protocol === "https:" ? { url, socketPath: null } : null;
}

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

class Exchange {
  readonly #spec: HttpProbe;
  readonly #pattern: Pattern | null;
  readonly #agent: string;
  readonly #settle: Settle;
  readonly #doing: (what: string) => void;
  #current: http.ClientRequest | null = null;
  #redirects = 0;
  #closed = false;

  constructor(spec: HttpProbe, agent: string, settle: Settle, doing: (what: string) => void) {
    this.#spec = spec;
    const pattern = spec.expectedContent?.kind === "regex" ? compilePattern(spec.expectedContent.text) : null;
    if (pattern?.ok === false) throw new Error(`expected_content: ${pattern.error}`); // the pattern was validated when the unit was loaded
    this.#pattern = pattern?.value ?? null;
    this.#agent = agent;
    this.#settle = settle;
    this.#doing = doing;
  }

  request(target: Target, method: string): void {
    const { url, socketPath } = target;
    const options: RequestOptions & { rejectUnauthorized?: boolean } = {
      method,
      path: url.pathname + url.search,
      headers: { "user-agent": this.#agent, accept: "*/*", ...lowerCase(this.#spec.headers) },
      agent: false, // a new connection each time, because a reused one would hide that the service no longer accepts any
      ...(socketPath === null ? { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port } : { socketPath }),
      ...(url.username === "" ? {} : { auth: `${decoded(url.username)}:${decoded(url.password)}` }),
      ...(url.protocol === "https:" ? { rejectUnauthorized: !this.#spec.insecureTls } : {}),
    };
    const where = socketPath ?? url.host;
    this.#doing(`answer from ${where}`);
    const request = (url.protocol === "https:" ? https : http).request(options);
    this.#current = request;
    request.on("response", (response) => this.#judge(response, target, method));
    request.on("error", (error) => {
      if (!this.#closed && this.#current === request) this.#settle(...explain(error, where));
    });
    request.end();
  }

  close(): void {
    this.#closed = true;
    this.#current?.destroy();
  }

  #judge(response: IncomingMessage, target: Target, method: string): void {
    const status = response.statusCode ?? 0;
    const next = this.#redirection(response, target);
    if (next !== null) {
      const previous = this.#current;
      this.#current = null;
      previous?.destroy();
      if (++this.#redirects > MAX_REDIRECTS)
        return this.#settle("bad", `more than ${MAX_REDIRECTS} redirects, the last to ${next.pathname}`);
      const asGet = status === 303 || (status < 303 && method === "POST");
      return this.request({ ...target, url: next }, asGet ? "GET" : method);
    }
    if (!this.#spec.expectedStatus.some(([from, to]) => status >= from && status <= to)) return this.#settle("bad", `HTTP ${status}`);
    this.#readBody(response, status, target);
  }

  /**
   * Returns the URL to follow, or null if the response is the final one. As in Kubernetes, only redirects to the same host are
   * followed. A redirect with a status that the unit expects is the final response.
   */
  #redirection(response: IncomingMessage, { url, socketPath }: Target): URL | null {
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined || !URL.canParse(location, url.href)) return null;
    if (this.#spec.expectedStatus.some(([from, to]) => from >= 300 && from <= status && status <= to)) return null;
    const next = new URL(location, url);
    const sameKind = next.protocol === "http:" || (next.protocol === "https:" && socketPath === null);
    return sameKind && next.hostname === url.hostname ? next : null;
  }

  #readBody(response: IncomingMessage, status: number, { url, socketPath }: Target): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    this.#doing(`end of the body (HTTP ${status})`);
    let finished = false;
    const finish = (): void => {
      if (finished) return;
      finished = true;
      const body = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
      void this.#checkContent(body, status).then((found) => this.#settle(...found));
    };
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (this.#spec.expectedContent !== null && !finished) chunks.push(chunk);
      if (bytes >= MAX_BODY_BYTES) finish(); // settling closes the connection
    });
    response.on("end", finish);
    response.on("error", (error) => {
      if (!this.#closed && !finished) this.#settle(...explain(error, socketPath ?? url.host));
    });
    response.on("close", () => {
      if (!this.#closed && !finished) this.#settle("bad", `the connection was closed in the middle of the body (HTTP ${status})`);
    });
  }

  /** Searches in slices, so that an expensive expression delays only this check. */
  async #checkContent(body: Buffer, status: number): Promise<["ok" | "bad", string]> {
    const expected = this.#spec.expectedContent;
    if (expected === null) return ["ok", `HTTP ${status}`];
    const text = body.toString("utf8");
    const found = this.#pattern === null ? text.includes(expected.text) : await this.#matches(this.#pattern, text);
    if (found) return ["ok", `HTTP ${status} with the expected content`];
    return ["bad", `HTTP ${status}, but ${JSON.stringify(expected.text)} is not in the first ${body.length} bytes of the body`];
  }

  async #matches(pattern: Pattern, text: string): Promise<boolean> {
    this.#doing("end of the search for expected_content");
    const search = pattern.search(text);
    let begun = performance.now();
    for (let step = search.next(); ; step = search.next()) {
      if (step.done === true) return step.value;
      if (performance.now() - begun < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#closed) return false; // timed out or cancelled
      begun = performance.now();
    }
  }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
