import { probeCommand } from "../probe-command.ts";
import type { Line } from "../systemd/context.ts";
import { rawValue, type ContainerExport } from "./context.ts";

/** Writes the health check. It runs in the container, so http and tcp checks need a program in the image. */
export function exportHealth({ draft, texts }: ContainerExport): Line[] {
  const { check, type, startTimeoutMs, port } = draft.spec;
  if (type === "notify") draft.carried("type", "Notify: the container sends READY=1");
  else draft.carried("type", type === "oneshot" ? "Type=oneshot" : "Type=notify, which Podman sets");
  const notify: Line[] = type === "notify" ? [["Notify", "true"]] : [];
  if (check === null) return notify;
  if (check.probe.type === "process") {
    draft.carried("health_check", "Podman knows when the process ends");
    return notify;
  }
  const command = probeCommand(check.probe, port, texts);
  if (typeof command === "string") {
    draft.dropped("health_check", command, "write HealthCmd= by hand");
    return notify;
  }
  report(draft);
  const test = rawValue(JSON.stringify(["CMD", ...command]));
  const startMs = Math.max(startTimeoutMs ?? 0, check.startPeriodMs);
  const startup: Line[] = [
    ["HealthStartupCmd", test],
    ["HealthStartupInterval", span(check.startIntervalMs)],
    ["HealthStartupTimeout", span(check.probe.timeoutMs)],
    ["HealthStartupRetries", String(Math.max(1, Math.ceil(startMs / check.startIntervalMs)))],
  ];
  return [
    ...(type === "simple" ? [["Notify", "healthy"] as const] : notify),
    ["HealthCmd", test],
    ["HealthInterval", span(check.intervalMs)],
    ["HealthTimeout", span(check.probe.timeoutMs)],
    ["HealthRetries", String(check.failureThreshold)],
    ...(startMs > 0 ? startup : []),
    ["HealthOnFailure", check.action === "restart" ? "kill" : "none"],
  ];
}

function report(draft: ContainerExport["draft"]): void {
  const check = draft.spec.check!;
  const { probe } = check;
  if (probe.type !== "exec")
    draft.approximated(
      "health_check.type",
      `the image must contain ${probe.type === "http" ? "curl" : "nc"}`,
      "write HealthCmd= with a program of the image",
    );
  if (probe.type === "http") {
    if (probe.expectedContent !== null) draft.dropped("health_check.expected_content", "curl checks the status code only");
    draft.approximated("health_check.expected_status", "curl accepts every status below 400");
  }
  if (check.fallback !== null) draft.dropped("health_check.fallback_check", "Podman has one check");
  draft.dropped("health_check.success_threshold", "for Podman, one success is enough");
  for (const key of ["start_period", "start_interval"]) draft.carried(`health_check.${key}`, "HealthStartupRetries, HealthStartupInterval");
  draft.carried(
    "health_check.action",
    check.action === "restart" ? "HealthOnFailure=kill, and Restart= starts it again" : "HealthOnFailure",
  );
  for (const key of ["type", "endpoint", "method", "headers", "insecure_tls", "host", "port", "command", "args"])
    draft.carried(`health_check.${key}`, "HealthCmd");
  for (const key of ["timeout", "interval", "failure_threshold"])
    draft.carried(`health_check.${key}`, "HealthTimeout, HealthInterval, HealthRetries");
}

const span = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
