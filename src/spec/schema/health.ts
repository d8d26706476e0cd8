import { z } from "zod";
import { count, nonEmpty, said, seconds, words } from "./meta.ts";

/** The schema of `health_check`: how to ask a unit whether it is well. */

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
  const often = timing();
  return z.discriminatedUnion("type", [
    z.strictObject({ ...http, ...often }),
    z.strictObject({ ...tcp, ...often }),
    z.strictObject({ ...alive, ...often }),
    z.strictObject({ ...exec, ...often }),
  ]);
}

function shapes() {
  const fallback: z.ZodType<ProbeFile> = z.lazy(() => fallbackSchema());
  const shared = (timeout: number) => ({
    timeout: said(
      "Seconds after which a probe that has no answer is cut and counts as failed; 10, for tcp 5.",
      seconds(0.001).default(timeout),
    ),
    fallback_check: said(
      "A second check, of any type, tried when this one fails: when it passes, the unit is `degraded` (an alert, no restart). Both failing counts as one failure.",
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

let fallbackBuilt: ReturnType<typeof buildFallback> | undefined;
const fallbackSchema = () => (fallbackBuilt ??= buildFallback());

function buildFallback() {
  const [http, tcp, alive, exec] = shapes();
  return z.discriminatedUnion("type", [z.strictObject(http), z.strictObject(tcp), z.strictObject(alive), z.strictObject(exec)]);
}

const TYPE =
  "`http`: a request is answered as expected. `tcp`: a connection is accepted. `process`: the main process is alive, no zombie and not stopped. `exec`: a command exits with 0.";

function httpKeys() {
  const status = () =>
    z.union([count(100, 599), z.string().regex(/^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)$/, 'must be a status such as 200, "2xx" or "200-299"')], {
      error: 'must be a status such as 200, "2xx" or "200-299"',
    });
  return {
    endpoint: said(
      "`http://…`, `https://…`, or `unix:/path.sock:/url-path` for a unix socket. A percent sign of the URL is written `%%`.",
      z.string().regex(/^(https?:\/\/.|unix:\/[^:]+:\/)/, "must begin with http://, https:// or unix:/path.sock:/"),
    ),
    method: said(
      "Request method.",
      z
        .string()
        .regex(/^[A-Z]{1,16}$/, "must be a method in capitals, such as GET or HEAD")
        .default("GET"),
    ),
    headers: said(
      "Request headers.",
      z.record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header"), z.string()).default({}),
    ),
    expected_status: said(
      'Statuses that pass: a number, `"2xx"`, `"200-299"`, or a list of these.',
      z
        .union([status(), z.array(status()).min(1)], { error: 'must be a status such as 200, "2xx" or "200-299", or a list of these' })
        .optional(),
      "200-399",
    ),
    expected_content: said("Text that the body must hold, or `/regex/`. At most 1 MiB of the body is read.", nonEmpty().optional()),
    insecure_tls: said("Accept any certificate.", z.boolean().default(false)),
  };
}

function tcpKeys() {
  return {
    host: said("Host to connect to.", nonEmpty().default("localhost")),
    port: said(
      "Port to connect to: a number, or a text with `${PORT}`; by default the unit's `port`.",
      z.union([count(1, 65_535), nonEmpty()], { error: 'must be a number from 1 to 65535 or a text such as "${PORT}"' }).optional(),
      "${PORT}",
    ),
  };
}

function execKeys() {
  return {
    command: said("Command to run, with the unit's environment and user; found on the unit's PATH.", nonEmpty()),
    args: said("Its arguments.", words().default([])),
  };
}

function timing() {
  return {
    interval: said("Seconds from one probe to the next.", seconds(0.1).default(30)),
    start_period: said("Seconds after the start in which failures don't count.", seconds().default(0)),
    start_interval: said("Seconds from one probe to the next while the unit is starting.", seconds(0.1).default(1)),
    failure_threshold: said("Failures in a row that make the unit `unhealthy`.", count(1).default(3)),
    success_threshold: said("Successes in a row that make it `healthy` again.", count(1).default(1)),
    action: said(
      "What follows when the unit is unhealthy: `restart` (uses up a retry), or `none`: only the event and the alert.",
      z.enum(["restart", "none"]).default("restart"),
    ),
  };
}
