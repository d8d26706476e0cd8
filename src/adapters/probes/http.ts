/**
 * HTTP health checks. They use their own connection and reader instead of fetch. fetch obeys HTTP_PROXY, but a check of a
 * local service must not go through a proxy. Each probe makes a new connection, as probes of Kubernetes do. A reused
 * connection would hide that the service no longer accepts connections. It would also occupy a server that serves only one
 * connection at a time.
 */
import { compilePattern, type Pattern } from "../../base/pattern.ts";
import { ok, type Result } from "../../base/result.ts";
import type { ProbeResult } from "../../ports/prober.ts";
import { redactString } from "../../spec/redact.ts";
import type { HttpProbe } from "../../spec/spec.ts";
import { connectTo } from "./connection.ts";
import { type AnswerHead, AnswerReader } from "./http-answer.ts";
import { type Endpoint, parseEndpoint, requestText, targetOf } from "./http-request.ts";
import { explain, type Settle, timed } from "./outcome.ts";

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 10;
/** The search for the expected content yields to the event loop after this many milliseconds. */
const SLICE_MS = 5;

export interface HttpDeps {
  /** The User-Agent header. */
  readonly agent: string;
  /** Connects to a unix socket as the unit's user. Null means that the caller connects. The error is an errno name or a few words. */
  readonly connectUnix: (path: string) => Result<number | null, string>;
}

/** Passes if the status is expected and the first MiB of the body contains the expected content. */
export function probeHttp(spec: HttpProbe, deps: HttpDeps, signal: AbortSignal): Promise<ProbeResult> {
  return timed(spec.timeoutMs, signal, (settle, doing) => {
    const exchange = new Exchange(spec, deps, settle, doing);
    const endpoint = parseEndpoint(spec.endpoint);
    if (endpoint) exchange.request(endpoint, spec.method.toUpperCase());
    else settle("bad", `${redactString(spec.endpoint)} is not a valid endpoint: use http://…, https://… or unix:/path.sock:/url-path`);
    return () => exchange.close();
  });
}

/** The requests of one probe: the first, and one for each redirect. */
class Exchange {
  readonly #spec: HttpProbe;
  readonly #pattern: Pattern | null;
  readonly #deps: HttpDeps;
  readonly #settle: Settle;
  readonly #doing: (what: string) => void;
  /** Closes the current connection. */
  #disconnect: () => void = () => {};
  #redirects = 0;
  #closed = false;

  constructor(spec: HttpProbe, deps: HttpDeps, settle: Settle, doing: (what: string) => void) {
    this.#spec = spec;
    const pattern = spec.expectedContent?.kind === "regex" ? compilePattern(spec.expectedContent.text) : null;
    if (pattern?.ok === false) throw new Error(`expected_content: ${pattern.error}`); // the pattern was validated when the unit was loaded
    this.#pattern = pattern?.value ?? null;
    this.#deps = deps;
    this.#settle = settle;
    this.#doing = doing;
  }

  request(endpoint: Endpoint, method: string): void {
    const where = endpoint.socketPath ?? endpoint.url.host;
    this.#doing(`answer from ${where}`);
    const request = requestText(endpoint, method, { "user-agent": this.#deps.agent, accept: "*/*", ...this.#spec.headers });
    if (!request.ok) return this.#settle("bad", request.error);
    const fd = endpoint.socketPath === null ? ok(null) : this.#deps.connectUnix(endpoint.socketPath);
    if (!fd.ok) return this.#settle(...explain({ code: fd.error, message: fd.error }, where));
    const reader = this.#readerOf(endpoint, method, where);
    const disconnect = connectTo(
      { ...targetOf(endpoint, this.#spec.insecureTls), fd: fd.value },
      {
        open: (connection) => connection.send(request.value),
        data: (bytes) => reader.feed(bytes),
        end: () => reader.close(),
        fail: (error) => this.#settle(...explain(error, where)),
      },
    );
    this.#disconnect = () => {
      reader.stop();
      disconnect();
    };
  }

  close(): void {
    this.#closed = true;
    this.#disconnect();
  }

  /** Checks the head of an answer as soon as it is received. Checks the body when it is complete or has reached its maximum. */
  #readerOf(endpoint: Endpoint, method: string, where: string): AnswerReader {
    const parts: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    const finish = (): void => {
      reader.stop();
      this.#judgeBody(Buffer.concat(parts).subarray(0, MAX_BODY_BYTES), status);
    };
    const reader = new AnswerReader(method, {
      head: (head) => {
        status = head.status;
        this.#judgeHead(head, endpoint, method);
      },
      body: (part) => {
        bytes += part.length;
        if (this.#spec.expectedContent !== null) parts.push(Buffer.from(part));
        if (bytes >= MAX_BODY_BYTES) finish();
      },
      end: finish,
      malformed: (why) => this.#settle("bad", `${where} ${why}`),
      cut: () =>
        this.#settle(
          "bad",
          status === 0
            ? `${where} closed the connection without an answer`
            : `the connection was closed in the middle of the body (HTTP ${status})`,
        ),
    });
    return reader;
  }

  #judgeHead(head: AnswerHead, endpoint: Endpoint, method: string): void {
    const { status } = head;
    const next = this.#redirection(head, endpoint);
    if (next !== null) {
      this.#disconnect();
      if (++this.#redirects > MAX_REDIRECTS)
        return this.#settle("bad", `more than ${MAX_REDIRECTS} redirects, the last to ${next.pathname}`);
      const asGet = status === 303 || (status < 303 && method === "POST");
      return this.request({ ...endpoint, url: next }, asGet ? "GET" : method);
    }
    if (!this.#spec.expectedStatus.some(([from, to]) => status >= from && status <= to)) return this.#settle("bad", `HTTP ${status}`);
    this.#doing(`end of the body (HTTP ${status})`);
  }

  /**
   * Returns the URL to follow, or null if the answer is the final one. As in Kubernetes, only redirects to the same host are
   * followed. A redirect with a status that the unit expects is the final answer.
   */
  #redirection({ status, fields }: AnswerHead, { url, socketPath }: Endpoint): URL | null {
    const location = fields.get("location");
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return null;
    if (this.#spec.expectedStatus.some(([from, to]) => from >= 300 && from <= status && status <= to)) return null;
    const next = URL.parse(location, url.href);
    if (next === null) return null;
    const sameKind = next.protocol === "http:" || (next.protocol === "https:" && socketPath === null);
    return sameKind && next.hostname === url.hostname ? next : null;
  }

  #judgeBody(body: Buffer, status: number): void {
    const expected = this.#spec.expectedContent;
    if (expected === null) return this.#settle("ok", `HTTP ${status}`);
    const conclude = (found: boolean): void =>
      found
        ? this.#settle("ok", `HTTP ${status} with the expected content`)
        : this.#settle("bad", `HTTP ${status}, but ${JSON.stringify(expected.text)} is not in the first ${body.length} bytes of the body`);
    const text = body.toString("utf8");
    if (this.#pattern === null) conclude(text.includes(expected.text));
    else void this.#matches(this.#pattern, text).then(conclude);
  }

  /** Searches in slices, so that an expensive expression delays only this check. */
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
