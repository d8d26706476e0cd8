import { z } from "zod";
import { count, nonEmpty, said, seconds, words } from "./meta.ts";
import { weakly } from "../../base/weakly.ts";

/** The schema of `health_check`. */

interface ProbeKeys {
  readonly timeout: number;
  readonly fallback_check?: ProbeFile | undefined;
}

export interface HttpFile extends ProbeKeys {
  readonly type: "http";
  readonly endpoint: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly expected_status?: StatusFile | StatusFile[] | undefined;
  readonly expected_content?: string | undefined;
  readonly insecure_tls: boolean;
}

export interface TcpFile extends ProbeKeys {
  readonly type: "tcp";
  readonly host: string;
  readonly port?: number | string | undefined;
}

export interface ProcessFile extends ProbeKeys {
  readonly type: "process";
}

export interface ExecFile extends ProbeKeys {
  readonly type: "exec";
  readonly command: string;
  readonly args: string[];
}

export type ProbeFile = HttpFile | TcpFile | ProcessFile | ExecFile;
type StatusFile = number | string;

export const PROBE_TYPES = ["http", "tcp", "process", "exec"] as const;

export function healthCheckSchema() {
  const [http, tcp, alive, exec] = shapes();
  const schedule = timing();
  return z.discriminatedUnion("type", [
    z.strictObject({ ...http, ...schedule }),
    z.strictObject({ ...tcp, ...schedule }),
    z.strictObject({ ...alive, ...schedule }),
    z.strictObject({ ...exec, ...schedule }),
  ]);
}

function shapes() {
  const fallback: z.ZodType<ProbeFile> = z.lazy(() => fallbackSchema());
  const shared = (timeout: number) => ({
    timeout: said(
      "Seconds after which a probe without a result is aborted and counts as failed. The default is 10, for tcp 5.",
      seconds(0.001).default(timeout),
    ),
    fallback_check: said(
      "A second check of any type, run when this one fails. If it passes, the unit is `degraded` (an alert, no restart). If both fail, this counts as one failure.",
      fallback.optional(),
    ),
  });
  return [
    { type: said(TYPE, z.literal("http")), ...httpKeys(), ...shared(10) },
    { type: said(TYPE, z.literal("tcp")), ...tcpKeys(), ...shared(5) },
    { type: said(TYPE, z.literal("process")), ...shared(10) },
    { type: said(TYPE, z.literal("exec")), ...execKeys(), ...shared(10) },
  ] as const;
}

const fallbackSchema = weakly(() => buildFallback());

function buildFallback() {
  const [http, tcp, alive, exec] = shapes();
  return z.discriminatedUnion("type", [z.strictObject(http), z.strictObject(tcp), z.strictObject(alive), z.strictObject(exec)]);
}

const TYPE =
  "`http`: a request gets the expected response. `tcp`: a connection is accepted. `process`: the main process exists, is not a zombie, and is not suspended (SIGSTOP). `exec`: a command exits with code 0.";

function httpKeys() {
  const status = () =>
    z.union(
      [count(100, 599), z.string().regex(/^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)$/, 'must be a status code such as 200, "2xx" or "200-299"')],
      {
        error: 'must be a status code such as 200, "2xx" or "200-299"',
      },
    );
  return {
    endpoint: said(
      "`http://…`, `https://…`, or `unix:/path.sock:/url-path` for a Unix socket, which must be open to the unit's `user`. Write a percent sign in the URL as `%%`.",
      z.string().regex(/^(https?:\/\/.|unix:\/[^:]+:\/)/, "must start with http://, https:// or unix:/path.sock:/"),
    ),
    method: said(
      "HTTP request method.",
      z
        .string()
        .regex(/^[A-Z]{1,16}$/, "must be an HTTP method in capitals, such as GET or HEAD")
        .default("GET"),
    ),
    headers: said(
      "HTTP request headers.",
      z.record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be a header name"), z.string()).default({}),
    ),
    expected_status: said(
      'Status codes that pass: a number, `"2xx"`, `"200-299"`, or a list of these.',
      z
        .union([status(), z.array(status()).min(1)], { error: 'must be a status code such as 200, "2xx" or "200-299", or a list of these' })
        .optional(),
      "200-399",
    ),
    expected_content: said(
      "String that the body must contain, or a regular expression `/regex/` that it must match. At most 1 MiB of the body is read.",
      nonEmpty().optional(),
    ),
    insecure_tls: said("Accept any TLS certificate.", z.boolean().default(false)),
  };
}

function tcpKeys() {
  return {
    host: said("Host to connect to.", nonEmpty().default("localhost")),
    port: said(
      "Port to connect to: a number, or a string with `${PORT}`. The default is the unit's `port`.",
      z.union([count(1, 65_535), nonEmpty()], { error: 'must be a number from 1 to 65535 or a string such as "${PORT}"' }).optional(),
      "${PORT}",
    ),
  };
}

function execKeys() {
  return {
    command: said("Command to run with the unit's environment and user, looked up in the unit's PATH.", nonEmpty()),
    args: said("Arguments of the command.", words().default([])),
  };
}

function timing() {
  return {
    interval: said("Seconds between probes.", seconds(0.1).default(30)),
    start_period: said("Seconds after the start during which failures are not counted.", seconds().default(0)),
    start_interval: said("Seconds between probes while the unit is starting.", seconds(0.1).default(1)),
    failure_threshold: said("Consecutive failures after which the unit is `unhealthy`.", count(1).default(3)),
    success_threshold: said("Consecutive successes after which the unit is `healthy` again.", count(1).default(1)),
    action: said(
      "What to do when the unit is unhealthy: `restart` (uses up a retry), or `none` (event and alert only).",
      z.enum(["restart", "none"]).default("restart"),
    ),
  };
}
