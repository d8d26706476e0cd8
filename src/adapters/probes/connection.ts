/**
 * Connections for health checks. `Bun.connect` costs a third of the processor time of node:net, but its attempts to connect
 * cannot be cancelled. Such an attempt keeps its descriptor until the kernel gives up, which takes about two minutes if the
 * peer drops the packets. Therefore node:net is used for TLS, and for a target with an abandoned attempt that is still
 * pending.
 */
import type { Socket } from "node:net";

export interface Target {
  /** The path of a unix socket, or null for TCP. */
  readonly path: string | null;
  /** A descriptor that is connected to the unix socket already. It is closed with the connection. */
  readonly fd?: number | null;
  readonly host: string;
  readonly port: number;
  readonly tls: "no" | "verified" | "insecure";
}

export interface ConnectionHandlers {
  /** Called once when data can be sent; for TLS after the handshake. */
  readonly open: (connection: Connection) => void;
  /** The bytes are valid only during the call. */
  readonly data: (bytes: Buffer) => void;
  /** The peer closed or reset the connection. */
  readonly end: () => void;
  /** The connection could not be made or broke. */
  readonly fail: (error: unknown) => void;
}

export interface Connection {
  /** Sends all bytes, as far as the peer reads them. Call it once. */
  send(bytes: Buffer): void;
}

/** Connects, and returns a function that closes the connection or cancels the attempt. After that no handler is called. */
export function connectTo(target: Target, handlers: ConnectionHandlers): () => void {
  const isDirect = target.fd != null || (target.tls === "no" && !abandoned.has(keyOf(target)));
  return isDirect ? connectDirectly(target, handlers) : connectByNode(target, handlers);
}

/** Targets for which an attempt to connect is pending although nobody waits for it any longer. */
const abandoned = new Set<string>();

const keyOf = ({ path, host, port }: Target): string => path ?? `${host} ${port}`;

/** The data of a socket. It is kept with the socket so that all sockets share one set of callbacks. */
interface Attempt {
  readonly target: Target;
  readonly handlers: ConnectionHandlers;
  socket: Bun.Socket<Attempt> | null;
  /** The rest of the request that the kernel has not taken yet. */
  unsent: Buffer | null;
  isConnecting: boolean;
  isClosed: boolean;
}

const CALLBACKS: Bun.SocketHandler<Attempt, "buffer"> = {
  binaryType: "buffer",
  open(socket) {
    const attempt = socket.data;
    settle(attempt);
    if (attempt.isClosed) return socket.terminate();
    attempt.socket = socket;
    attempt.handlers.open({ send: (bytes) => send(attempt, bytes) });
  },
  data({ data: attempt }, bytes) {
    if (!attempt.isClosed) attempt.handlers.data(bytes);
  },
  drain({ data: attempt }) {
    if (attempt.unsent !== null) send(attempt, attempt.unsent);
  },
  close({ data: attempt }) {
    if (!attempt.isClosed) attempt.handlers.end();
  },
  error({ data: attempt }, error) {
    if (!attempt.isClosed) attempt.handlers.fail(error);
  },
  connectError({ data: attempt }, error) {
    failToConnect(attempt, error);
  },
};

function connectDirectly(target: Target, handlers: ConnectionHandlers): () => void {
  const attempt: Attempt = { target, handlers, socket: null, unsent: null, isConnecting: true, isClosed: false };
  Promise.try(begin, attempt).catch((error: unknown) => failToConnect(attempt, error));
  return () => {
    if (attempt.isConnecting) abandoned.add(keyOf(target));
    attempt.isClosed = true;
    attempt.socket?.terminate();
  };
}

function begin(attempt: Attempt): Promise<unknown> {
  const { path, fd, host: hostname, port } = attempt.target;
  // The types of Bun 1.4.5 lack `fd`.
  if (fd != null) return Bun.connect<Attempt>({ fd, data: attempt, socket: CALLBACKS } as unknown as Bun.UnixSocketOptions<Attempt>);
  return path === null
    ? Bun.connect<Attempt>({ hostname, port, data: attempt, socket: CALLBACKS })
    : Bun.connect<Attempt>({ unix: path, data: attempt, socket: CALLBACKS });
}

function failToConnect(attempt: Attempt, error: unknown): void {
  if (!attempt.isConnecting) return; // Bun reports the error to the callback and to the promise
  settle(attempt);
  if (!attempt.isClosed) attempt.handlers.fail(error);
}

/** Records that the attempt to connect has succeeded or failed. */
function settle(attempt: Attempt): void {
  attempt.isConnecting = false;
  if (attempt.isClosed) abandoned.delete(keyOf(attempt.target));
}

function send(attempt: Attempt, bytes: Buffer): void {
  const sent = attempt.socket?.write(bytes) ?? 0;
  attempt.unsent = sent >= 0 && sent < bytes.length ? bytes.subarray(sent) : null;
}

function connectByNode(target: Target, handlers: ConnectionHandlers): () => void {
  let socket: Socket | null = null;
  let isClosed = false;
  const connect = async (): Promise<void> => {
    const opened = await open(target);
    if (isClosed) return void opened.destroy();
    socket = opened;
    opened.on(target.tls === "no" ? "connect" : "secureConnect", () => handlers.open({ send: (bytes) => void opened.write(bytes) }));
    opened.on("data", (bytes: Buffer) => isClosed || handlers.data(bytes));
    opened.on("end", () => isClosed || handlers.end());
    opened.on("error", (error) => isClosed || handlers.fail(error));
  };
  connect().catch((error: unknown) => handlers.fail(error));
  return () => {
    isClosed = true;
    socket?.destroy();
  };
}

/** Loads node:net or node:tls only when they are needed. */
async function open({ path, host, port, tls }: Target): Promise<Socket> {
  if (tls === "no") {
    const { connect } = await import("node:net");
    return path === null ? connect({ host, port }) : connect({ path });
  }
  const [{ connect }, { isIP }] = await Promise.all([import("node:tls"), import("node:net")]);
  return connect({ host, port, rejectUnauthorized: tls === "verified", ...(isIP(host) === 0 && { servername: host }) });
}
