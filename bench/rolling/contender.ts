/** A supervisor with a way to restart a server, for the rolling benchmark. */
export interface Contender {
  readonly name: string;
  readonly version: string | null;
  readonly missing?: string;
  /** Starts the server so that it listens on the port. */
  start(server: ServerFiles): Promise<Restartable>;
}

export interface ServerFiles {
  /** A private directory, which is removed afterwards. */
  readonly directory: string;
  /** The path of Node.js. */
  readonly node: string;
  /** The path of the server's program. */
  readonly program: string;
  readonly port: number;
}

export interface Restartable {
  /** Restarts the server and waits until the command exits. */
  restart(): Promise<void>;
  /** Words before a command that runs it in the network of the server. */
  readonly network: readonly string[];
  end(): Promise<void>;
}

/** The number of server processes, if the supervisor can run several behind one port. */
export const PROCESSES = 4;
/** The time in seconds that a supervisor waits for the server to drain. */
export const DRAIN_SECONDS = 10;
