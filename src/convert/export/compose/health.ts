import type { ExportDraft } from "../draft.ts";
import { probeCommand } from "../probe-command.ts";
import type { Texts } from "../text.ts";
import { literal, span } from "./literal.ts";

/** Returns the health check. The check runs in the container, so http and tcp checks need a program in the image. */
export function exportHealth(draft: ExportDraft, texts: Texts): Record<string, unknown> {
  const { check } = draft.spec;
  if (check === null) return {};
  if (check.probe.type === "process") {
    draft.carried("health_check", "Docker knows when the process ends");
    return {};
  }
  const command = probeCommand(check.probe, draft.spec.port, texts);
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
