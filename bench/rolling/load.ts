import { connect, type Socket } from "node:net";

/** The counts of a load. A failure is a request without a complete answer 200, with its cause. */
export interface Report {
  readonly requests: number;
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

export interface Load {
  /** The number of complete answers so far. */
  answered(): number;
  stop(): Promise<Report>;
}

interface Counts {
  requests: number;
  failures: string[];
  slowestMs: number;
  isOver: boolean;
}

const CLIENTS = 8;
/** The longest pause of a client between two requests. The pauses differ, so that requests arrive at all moments of a restart. */
const PAUSE_MS = 40;
/** A request that takes longer has failed. */
const PATIENCE_MS = 15_000;

/**
 * Sends HTTP requests with 8 clients that keep their connection open and 8 that open one per request. The clients use plain sockets
 * and never repeat a request, because `fetch` may hide a failure by sending a request again.
 */
export function startLoad(port: number): Load {
  const counts: Counts = { requests: 0, failures: [], slowestMs: 0, isOver: false };
  const clients = [true, false].flatMap((keepsAlive) => Array.from({ length: CLIENTS }, () => client(port, keepsAlive, counts)));
  return {
    answered: () => counts.requests - counts.failures.length,
    async stop() {
      counts.isOver = true;
      await Promise.all(clients);
      return counts;
    },
  };
}

async function client(port: number, keepsAlive: boolean, counts: Counts): Promise<void> {
  let connection = null as Connection | null;
  while (!counts.isOver) {
    const startedMs = performance.now();
    try {
      connection = connection?.isUsable() ? connection : await Connection.open(port);
      await connection.request(keepsAlive);
    } catch (error) {
      connection?.close();
      counts.failures.push(
        `${keepsAlive ? "keep-alive" : "one-shot"}: ${error instanceof Error ? error.message : String(error)} at ${new Date().toISOString()}`,
      );
    }
    counts.requests++;
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - startedMs);
    if (!keepsAlive) connection = null;
    await Bun.sleep(Math.random() * PAUSE_MS);
  }
  connection?.close();
}

class Connection {
  readonly #socket: Socket;
  #received = "";
  #isOpen = true;
  #settle: ((error: Error | null) => void) | null = null;

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received += bytes.toString("latin1");
      if (isComplete(this.#received)) this.#end(null);
    });
    for (const event of ["end", "close"] as const) socket.on(event, () => this.#end(new Error("closed before the answer was complete")));
    socket.on("error", (error) => this.#end(error));
  }

  /** False if the server has closed the connection or announced that it will. */
  isUsable(): boolean {
    return this.#isOpen;
  }

  async request(keepsAlive: boolean): Promise<void> {
    this.#received = "";
    const answered = new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === null ? resolve() : reject(error));
    });
    const timer = setTimeout(() => this.#end(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    this.#socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${keepsAlive ? "" : "Connection: close\r\n"}\r\n`);
    await answered.finally(() => clearTimeout(timer));
    if (!this.#received.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${this.#received.split("\r\n", 1)[0]}`);
    if (!keepsAlive || /^connection: close\r$/im.test(this.#received)) this.close();
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #end(error: Error | null): void {
    const settle = this.#settle;
    this.#settle = null;
    if (error !== null) this.close();
    settle?.(error);
  }
}

/** Returns true if the text is a whole answer, with a Content-Length or in chunks. */
function isComplete(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return false;
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, head + 1));
  return length === null ? text.endsWith("\r\n0\r\n\r\n") : text.length >= head + 4 + Number(length[1]);
}
