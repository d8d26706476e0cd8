import type { ProbeSpec } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import { plainText, type Texts } from "../text.ts";
import { literal, span } from "./literal.ts";

/** Returns the health check. The check runs in the container, so http and tcp checks need a program in the image. */
export function exportHealth(draft: ExportDraft, texts: Texts): Record<string, unknown> {
  const { check } = draft.spec;
  if (check === null) return {};
  if (check.probe.type === "process") {
    draft.carried("health_check", "Docker knows when the process ends");
    return {};
  }
  const command = commandOf(check.probe, draft.spec.port, texts);
  if (typeof command === "string") {
    draft.dropped("health_check", command, "write a healthcheck by hand");
    return {};
  }
  if (check.probe.type !== "exec")
    draft.approximated("health_check.type", `the image must contain ${command[1]}`, "write a healthcheck with a program of the image");
  if (check.probe.type === "http") {
    if (check.probe.expectedContent !== null) draft.dropped("health_check.expected_content", "curl checks the status code only");
    draft.approximated("health_check.expected_status", "curl accepts every status below 400");
  }
  if (check.fallback !== null) draft.dropped("health_check.fallback_check", "Docker has one check");
  draft.dropped("health_check.success_threshold", "for Docker, one success is enough");
  if (check.action === "restart") draft.dropped("health_check.action", "Docker does not restart an unhealthy container", null, true);
  else draft.carried("health_check.action", "Docker does not restart an unhealthy container");
  draft.carried("start_timeout", "healthcheck: start_period");
  for (const key of [
    "type",
    "endpoint",
    "method",
    "headers",
    "insecure_tls",
    "host",
    "port",
    "command",
    "args",
    "timeout",
    "interval",
    "failure_threshold",
    "start_period",
    "start_interval",
  ])
    draft.carried(`health_check.${key}`, "healthcheck");
  return {
    healthcheck: {
      test: ["CMD", ...command.map(literal)],
      interval: span(check.intervalMs),
      timeout: span(check.probe.timeoutMs),
      retries: check.failureThreshold,
      // `start_period` ends at the first success. sup limits a start by `startTimeoutMs`, so the period is at least as long.
      start_period: span(Math.max(check.startPeriodMs, draft.spec.startTimeoutMs ?? 0)),
      start_interval: span(check.startIntervalMs),
    },
  };
}

/** Returns the words of a command, or a string that says why there is none. */
function commandOf(probe: ProbeSpec, port: number | null, texts: Texts): string[] | string {
  const known = (text: string): string | null => {
    const value = texts.literal(text);
    return value.ok ? plainText(value.value) : null;
  };
  const words = wordsOf(probe, port, known);
  return words.every((word) => word !== null) ? words : "a value in it is not known now";
}

function wordsOf(probe: ProbeSpec, port: number | null, known: (text: string) => string | null): Array<string | null> {
  if (probe.type === "exec") return [probe.command, ...probe.args].map(known);
  if (probe.type === "tcp") return ["nc", "-z", known(probe.host), known(probe.port) ?? (port === null ? null : String(port))];
  if (probe.type !== "http") return [null];
  const endpoint = known(probe.endpoint);
  const unix = /^unix:([^:]*):?(.*)$/.exec(endpoint ?? "");
  const address = unix ? ["--unix-socket", unix[1]!, `http://localhost${unix[2]}`] : [endpoint];
  const headers = Object.entries(probe.headers).flatMap(([name, value]) => {
    const text = known(value);
    return ["-H", text === null ? null : `${name}: ${text}`];
  });
  const method = probe.method === "GET" ? [] : probe.method === "HEAD" ? ["-I"] : ["-X", probe.method];
  return ["curl", "-fsS", "-o", "/dev/null", ...(probe.insecureTls ? ["-k"] : []), ...method, ...headers, ...address];
}
