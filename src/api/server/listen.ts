import { lstatSync, unlinkSync } from "node:fs";
import { errnoWords } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { isLoopback } from "./access.ts";
import { IDLE_TIMEOUT_S, type App, type Connection, type Transport } from "./server.ts";

export interface ListenOptions {
  readonly app: App;
  readonly socketPath: string;
  /** The TCP listener, or null to listen only on the unix socket. Port 0 selects a free port. */
  readonly tcp: { readonly host: string; readonly port: number; readonly auth: "token" | "none" } | null;
  /** Returns the process that listens on a TCP port of this machine ("nginx (pid 812)"), or null if that is not visible. */
  readonly whoListens?: (port: number) => string | null;
}

export interface Listening {
  readonly unix: { readonly path: string };
  readonly tcp: { readonly host: string; readonly port: number; readonly url: string } | null;
  /** Messages for the operator that say why there is no TCP listener, or why it is unsafe. */
  readonly notes: readonly string[];
  /** Returns true if the path still leads to the unix socket. */
  isBound(): boolean;
  /** Creates the socket file again after it was deleted or replaced. Open connections continue. */
  bindAgain(): Promise<Result<null, string>>;
  /** Closes all connections and listens again on the same addresses. This frees descriptors after clients have used up all of them. */
  relieve(): Promise<void>;
  /** Closes streams and listeners, which removes the socket file. Then waits for responses in progress, for at most `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Opens the listeners. Without the unix socket no client could reach the daemon, so a failure to open it is an error. A
 * failure to open the TCP listener is only a note. The caller must hold the daemon's lock, so that two daemons cannot both
 * remove the same stale socket.
 */
export async function listen({ app, socketPath, tcp, whoListens }: ListenOptions): Promise<Result<Listening, string>> {
  const cleared = await removeStaleSocket(socketPath);
  if (!cleared.ok) return cleared;
  const unix = listenUnix(app, socketPath);
  if (!unix.ok) return unix;
  const notes: string[] = [];
  const onTcp = tcp && listenTcp(app, tcp.host, tcp.port, whoListens);
  if (onTcp && !onTcp.ok) notes.push(onTcp.error);
  const server = onTcp?.ok ? onTcp.value : null;
  if (tcp && server) notes.push(...safetyNotes(tcp.host, tcp.auth));
  const servers = server ? [unix.value, server] : [unix.value];
  let file = inodeOf(socketPath);
  const bindAgain = async (): Promise<Result<null, string>> => {
    const cleared = await removeStaleSocket(socketPath);
    if (!cleared.ok) return cleared;
    const again = listenUnix(app, socketPath);
    if (!again.ok) return again;
    servers.push(again.value);
    file = inodeOf(socketPath);
    return ok(null);
  };
  return ok({
    isBound: () => file !== null && inodeOf(socketPath) === file,
    bindAgain,
    async relieve() {
      await Promise.all(servers.splice(0).map((one) => one.stop(true)));
      await bindAgain();
      const again = tcp && server && listenTcp(app, tcp.host, server.port!, whoListens);
      if (again?.ok) servers.push(again.value);
    },
    unix: { path: socketPath },
    tcp: tcp && server ? { host: tcp.host, port: server.port!, url: urlOf(tcp.host, server.port!) } : null,
    notes,
    stop: (graceMs = 2000) => stop(app, servers, graceMs),
  });
}

/** Returns device and inode of a socket file, or null if there is none. */
function inodeOf(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSocket() ? `${stat.dev}:${stat.ino}` : null;
}

/** Maximum length of a socket path in bytes. sun_path of sockaddr_un has 108 bytes, and the last one is for the NUL (unix(7)). */
const MAX_SOCKET_PATH = 107;

/** Removes a stale socket file. A socket that is in use, or a file of another type, is not removed and causes an error. */
async function removeStaleSocket(path: string): Promise<Result<null, string>> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH)
    return err(
      `cannot listen on ${path}: the path has ${bytes} bytes, the limit for a unix socket is ${MAX_SOCKET_PATH}; choose a shorter SUP_HOME or XDG_RUNTIME_DIR`,
    );
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return ok(null);
  if (!stat.isSocket()) return err(`cannot listen on ${path}: there is a file that is not a socket; move it away`);
  const code = await probe(path);
  if (code === null) return err(`cannot listen on ${path}: another daemon listens there; see \`sup daemon status\``);
  if (code !== "ECONNREFUSED" && code !== "ENOENT")
    return err(`cannot listen on ${path}: a socket exists there and connecting to it failed (${code})`);
  return attempt(path, () => {
    if (code === "ECONNREFUSED") unlinkSync(path);
    return null;
  });
}

/** Returns null if a process accepts connections on this socket, or else the error code. */
async function probe(path: string): Promise<string | null> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.end();
    return null;
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

type Server = ReturnType<typeof Bun.serve>;

function listenUnix(app: App, path: string): Result<Server, string> {
  // Only the umask determines the mode of a socket file. No other code runs between the two calls of umask.
  const before = process.umask(0o177);
  try {
    return attempt(path, () => Bun.serve({ unix: path, ...UNIX_ONLY, ...serving(app, "unix") }));
  } finally {
    process.umask(before);
  }
}

/**
 * Bun 1.4.5 closes an idle request on a unix socket after its default of 10 s, and `server.timeout` has no effect there. This
 * option has an effect, although its types exclude it for unix sockets. Clients that can open this socket may keep it open for ever.
 */
const UNIX_ONLY = { idleTimeout: 0 } as object;

function listenTcp(app: App, host: string, port: number, whoListens: ListenOptions["whoListens"]): Result<Server, string> {
  try {
    const hostname = host.replace(/^\[(.*)\]$/, "$1");
    // Bun 1.4.5 sets SO_REUSEPORT except in development mode. Then two daemons of a user would share the port and receive each other's requests.
    return ok(Bun.serve({ hostname, port, reusePort: false, idleTimeout: IDLE_TIMEOUT_S, ...serving(app, "tcp") }) as Server);
  } catch (error) {
    const only = "the API is available on the unix socket only";
    if (codeOf(error) === "EADDRINUSE") return err(`port ${port} is taken by ${whoListens?.(port) ?? "another process"}; ${only}`);
    return err(`cannot listen on ${urlOf(host, port)}: ${causeOf(error)}; ${only}`);
  }
}

const serving = (app: App, transport: Transport) => ({
  development: false,
  fetch: (request: Request, server: Connection) => app.handle(request, transport, server),
});

function safetyNotes(host: string, auth: "token" | "none"): string[] {
  if (auth === "token")
    return isLoopback(host) ? [] : [`the API listens on ${host} without TLS: put a reverse proxy with TLS in front of it`];
  if (isLoopback(host)) return ["api.auth is none: every user of this machine can control the daemon"];
  return [`api.auth none is ignored because ${host} is not a loopback address: the token is required`];
}

async function stop(app: App, servers: readonly Server[], graceMs: number): Promise<void> {
  app.close();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => (timer = setTimeout(resolve, graceMs, "late")));
  const ended = await Promise.race([late, Promise.all(servers.map((server) => server.stop()))]);
  clearTimeout(timer);
  if (ended === "late") await Promise.all(servers.map((server) => server.stop(true)));
}

const urlOf = (host: string, port: number): string => `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;

function attempt<T>(path: string, action: () => T): Result<T, string> {
  try {
    return ok(action());
  } catch (error) {
    return err(`cannot listen on ${path}: ${causeOf(error)}`);
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

function causeOf(error: unknown): string {
  const errno = (error as { errno?: unknown } | null)?.errno;
  if (typeof errno === "number" && errno !== 0) return errnoWords(Math.abs(errno));
  return error instanceof Error ? error.message : String(error);
}
