import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { routes, type RouteName } from "../../src/api/contract/routes.ts";
import { contract } from "../../src/api/contract/contract.ts";
import type { ApiError } from "../../src/api/contract/errors.ts";
import { ERRORS } from "../../src/api/contract/errors.ts";
import { checkMachine } from "../../src/daemon/compose/machine-check.ts";
import { readUnits } from "../../src/daemon/compose/unit-files.ts";
import { runCli } from "../../src/cli/run.ts";
import type { Host } from "../../src/cli/host.ts";
import type { Roles } from "../../src/cli/roles.ts";
import { NOW } from "./fixtures.ts";

/** The arguments of a fake route, which returns a value, an error, or a whole response. */
export interface Asked {
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly request: Request;
}
export type Answers = Partial<Record<RouteName, (asked: Asked) => unknown>>;

export class Failure {
  readonly error: ApiError;
  constructor(code: ApiError["code"], message: string, hint?: string) {
    this.error = { code, message, ...(hint !== undefined && { hint }) };
  }
}

/**
 * A daemon's socket in a temporary home. Every answer is validated against the contract's schema, so that a fixture cannot
 * contain what a daemon would never send.
 */
export class FakeDaemon {
  readonly home = mkdtempSync(join(tmpdir(), "sup-cli-"));
  readonly asked: Array<{ readonly name: RouteName } & Asked> = [];
  readonly #server: Bun.Server<undefined> | null;

  constructor(answers: Answers | null, listen: "unix" | "tcp" = "unix") {
    const run = join(this.home, "run");
    mkdirSync(run, { recursive: true });
    if (answers === null) this.#server = null;
    else {
      const fetch = (request: Request): Promise<Response> => this.#answer(request, answers);
      this.#server = listen === "unix" ? Bun.serve({ unix: this.socket, fetch }) : Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
    }
  }

  get socket(): string {
    return join(this.home, "run", "sup.sock");
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server!.port}`;
  }

  async #answer(request: Request, answers: Answers): Promise<Response> {
    const url = new URL(request.url);
    for (const name of Object.keys(routes) as RouteName[]) {
      const route = routes[name];
      const match = new RegExp(`^${route.path.replace(":id", "([^/]+)")}$`).exec(url.pathname);
      const handler = answers[name];
      if (!match || route.method !== request.method || !handler) continue;
      const body = request.method === "POST" ? ((await request.json()) as Record<string, unknown>) : {};
      const asked = { id: decodeURIComponent(match[1] ?? ""), query: Object.fromEntries(url.searchParams), body, request };
      this.asked.push({ name, ...asked });
      return respond(name, handler(asked));
    }
    return respond("status", new Failure("not-found", `the fake has no answer for ${request.method} ${url.pathname}`));
  }

  [Symbol.asyncDispose] = async (): Promise<void> => {
    await this.#server?.stop(true);
    rmSync(this.home, { recursive: true, force: true });
  };
}

function respond(name: RouteName, value: unknown): Response {
  if (value instanceof Response) return value;
  if (value instanceof Failure) return Response.json({ error: value.error }, { status: ERRORS[value.error.code].status });
  const checked = contract[name].output.parse(value) as { status?: string };
  return Response.json(checked, { status: name === "health" && checked.status === "unhealthy" ? 503 : 200 });
}

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly host?: Partial<Host>;
  readonly roles?: Partial<Roles>;
  /** Called with everything that was written to standard output so far. */
  readonly onOut?: (out: string) => void;
}

/** Runs a command line in this process against a fake daemon. */
export async function sup(daemon: Pick<FakeDaemon, "home">, argv: readonly string[], given: Given = {}): Promise<Outcome> {
  const text = { 1: "", 2: "" };
  const host: Host = {
    env: { SUP_HOME: daemon.home, ...given.env },
    uid: 1000,
    home: daemon.home,
    write(fd, more) {
      text[fd] += more;
      if (fd === 1) given.onOut?.(text[1]);
    },
    writeBytes(bytes) {
      host.write(1, Buffer.from(bytes).toString());
    },
    rawInput: async () => () => {},
    onResize: () => () => {},
    atExit: () => () => {},
    terminalName: () => null,
    isTerminal: () => false,
    outliveReaders: async () => {},
    finishOutput: async () => {},
    rows: () => undefined,
    keys: () => () => {},
    question: () => Promise.reject(new Error("nobody expected a question")),
    findProgram: () => null,
    passStdin: async () => ({ ok: true, value: null }),
    ending: () => () => {},
    columns: () => undefined,
    now: () => NOW,
    sleep: Bun.sleep,
    isLocked: () => false,
    interactive: () => Promise.reject(new Error("no editor was expected")),
    ask: (command) => Promise.reject(new Error(`nobody expected ${command.join(" ")}`)),
    program: "/usr/local/bin/sup",
    compiled: true,
    userName: () => "ann",
    systemdRuns: () => false,
    runtimeDirectory: (uid) => `/run/user/${uid}`,
    detach: () => {
      throw new Error("no daemon was expected");
    },
    ...given.host,
  };
  const roles: Roles = {
    daemon: unexpected,
    up: unexpected,
    readUnits: async (directories) => readUnits(directories),
    checkMachine,
    ...given.roles,
  };
  const code = await runCli(argv, host, roles, { version: "1.2.3", commit: "abc", isMusl: false, releases: null });
  return { code, out: text[1], err: text[2] };
}

const unexpected = (): Promise<number> => Promise.reject(new Error("no daemon was expected to run here"));
