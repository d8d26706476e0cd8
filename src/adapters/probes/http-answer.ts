/** Reads the answer of an HTTP/1.x server as it arrives (RFC 9112), as far as a health check needs it. */

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 4096;
const EMPTY = Buffer.alloc(0);

export interface AnswerHead {
  readonly status: number;
  /** Names in lower case. The values of repeated fields are joined by ", ". */
  readonly fields: ReadonlyMap<string, string>;
}

export interface AnswerHandlers {
  /** Called once, with the final answer. Interim answers (100 Continue, 103 Early Hints) are skipped. */
  readonly head: (head: AnswerHead) => void;
  /** Called with each part of the body, without the framing of the chunked coding. The bytes are valid only during the call. */
  readonly body: (part: Buffer) => void;
  /** Called once when the answer is complete. */
  readonly end: () => void;
  /** Called once, instead of `end`, if the peer does not follow the protocol. `why` completes the sentence "the peer …". */
  readonly malformed: (why: string) => void;
  /** Called once, instead of `end`, if the peer closed the connection before the answer was complete. */
  readonly cut: () => void;
}

type Expecting = "head" | "body" | "body until close" | "chunk size" | "chunk" | "end of chunk" | "trailer" | "nothing";

export class AnswerReader {
  readonly #handlers: AnswerHandlers;
  readonly #hasNoBody: boolean;
  #expecting: Expecting = "head";
  /** Bytes of a head or a line that is not complete yet. */
  #pending = EMPTY;
  /** Bytes that are missing from the body or from the current chunk. */
  #missing = 0;

  /** `method` is that of the request. An answer to HEAD has no body, whatever its fields say. */
  constructor(method: string, handlers: AnswerHandlers) {
    this.#hasNoBody = method === "HEAD";
    this.#handlers = handlers;
  }

  /** Takes the next bytes from the connection. */
  feed(bytes: Buffer): void {
    let rest = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = EMPTY;
    while (rest.length > 0 && this.#expecting !== "nothing") {
      const used = this.#take(rest);
      if (used === 0) {
        this.#pending = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(used);
    }
  }

  /** Must be called when the peer has closed the connection, which may complete the answer. */
  close(): void {
    if (this.#expecting === "body until close") return this.#complete();
    if (this.#expecting !== "nothing") this.#handlers.cut();
    this.#expecting = "nothing";
  }

  /** Ignores everything that still arrives. No handler is called after this. */
  stop(): void {
    this.#expecting = "nothing";
  }

  /** Handles the beginning of `bytes`, and returns how many bytes it used. If it returns 0, it needs more. */
  #take(bytes: Buffer): number {
    switch (this.#expecting) {
      case "head":
        return this.#takeHead(bytes);
      case "body":
      case "chunk":
        return this.#takeBody(bytes);
      case "body until close":
        this.#handlers.body(bytes);
        return bytes.length;
      default:
        return this.#takeLine(bytes);
    }
  }

  #takeHead(bytes: Buffer): number {
    const start = bytes.toString("latin1", 0, 5);
    if (start !== "HTTP/".slice(0, start.length)) return this.#refuse("does not speak HTTP");
    const end = endOfHead(bytes);
    if (end > MAX_HEAD_BYTES || (end < 0 && bytes.length > MAX_HEAD_BYTES))
      return this.#refuse(`sent a header of more than ${MAX_HEAD_BYTES / 1024} KiB`);
    if (end < 0) return 0;
    const [first = "", ...lines] = bytes.toString("latin1", 0, end).split(/\r?\n/);
    const status = Number(/^HTTP\/1\.\d (\d{3})(?: |$)/.exec(first)?.[1]);
    if (Number.isNaN(status)) return this.#refuse("does not speak HTTP/1.1");
    if (status >= 200 || status === 101) this.#begin({ status, fields: fieldsOf(lines) });
    return end;
  }

  /** Finds out where the body ends (RFC 9112, section 6.3), and reports the head. */
  #begin(head: AnswerHead): void {
    const { status, fields } = head;
    const coding = fields.get("transfer-encoding");
    const length = fields.get("content-length");
    if (this.#hasNoBody || status < 200 || status === 204 || status === 304) this.#expecting = "body";
    else if (coding !== undefined) this.#expecting = /(?:^|[\s,])chunked\s*$/i.test(coding) ? "chunk size" : "body until close";
    else if (length === undefined) this.#expecting = "body until close";
    else if (/^(\d{1,15})(?:, \1)*$/.test(length)) {
      this.#expecting = "body";
      this.#missing = Number.parseInt(length, 10);
    } else return void this.#refuse("sent an invalid Content-Length");
    this.#handlers.head(head);
    if (this.#expecting === "body" && this.#missing === 0) this.#complete();
  }

  #takeBody(bytes: Buffer): number {
    const part = bytes.subarray(0, this.#missing);
    this.#missing -= part.length;
    this.#handlers.body(part);
    if (this.#missing > 0) return part.length;
    if (this.#expecting === "body") this.#complete();
    else if (this.#expecting === "chunk") this.#expecting = "end of chunk";
    return part.length;
  }

  /** Takes a line of the chunked coding: the size of a chunk, the empty line after a chunk, or a field of the trailer. */
  #takeLine(bytes: Buffer): number {
    const newline = bytes.indexOf(10);
    if (newline > MAX_LINE_BYTES || (newline < 0 && bytes.length > MAX_LINE_BYTES)) return this.#refuse("sent an invalid chunk");
    if (newline < 0) return 0;
    const line = bytes.toString("latin1", 0, newline).trimEnd();
    if (this.#expecting === "trailer") {
      if (line === "") this.#complete();
    } else if (this.#expecting === "end of chunk") {
      if (line !== "") return this.#refuse("sent an invalid chunk");
      this.#expecting = "chunk size";
    } else {
      const size = /^([\da-f]{1,12})(?:[ \t]*;.*)?$/i.exec(line)?.[1];
      if (size === undefined) return this.#refuse("sent an invalid chunk");
      this.#missing = Number.parseInt(size, 16);
      this.#expecting = this.#missing === 0 ? "trailer" : "chunk";
    }
    return newline + 1;
  }

  #complete(): void {
    if (this.#expecting === "nothing") return;
    this.#expecting = "nothing";
    this.#handlers.end();
  }

  #refuse(why: string): number {
    if (this.#expecting !== "nothing") this.#handlers.malformed(why);
    this.#expecting = "nothing";
    return 0;
  }
}

/** Returns the length of the head with the empty line at its end, or -1 if that line is missing. Lines may end with LF alone. */
function endOfHead(bytes: Buffer): number {
  const crlf = bytes.indexOf("\r\n\r\n");
  const lf = bytes.indexOf("\n\n");
  if (lf >= 0 && (crlf < 0 || lf < crlf)) return lf + 2;
  return crlf < 0 ? -1 : crlf + 4;
}

function fieldsOf(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}
