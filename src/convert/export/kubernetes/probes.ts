import type { ProbeSpec } from "../../../spec/spec.ts";
import { plainText, type Texts } from "../text.ts";
import type { Manifest, PodExport } from "./context.ts";

/** Returns the probes of a container. */
export function exportProbes({ draft, texts }: PodExport): Manifest {
  const { check, startTimeoutMs } = draft.spec;
  if (check === null) return {};
  if (check.probe.type === "process") {
    draft.carried("health_check", "Kubernetes restarts a container when its process ends");
    return {};
  }
  const handler = handlerOf(check.probe, draft.spec.port, texts);
  if (typeof handler === "string") {
    draft.dropped("health_check", handler, "write livenessProbe and readinessProbe by hand");
    return {};
  }
  const timing = {
    periodSeconds: seconds(check.intervalMs),
    timeoutSeconds: seconds(check.probe.timeoutMs),
    failureThreshold: check.failureThreshold,
  };
  const startPeriod = seconds(check.startIntervalMs);
  const startTime = Math.max(startTimeoutMs ?? 0, check.startPeriodMs);
  for (const key of [
    "type",
    "endpoint",
    "method",
    "host",
    "port",
    "headers",
    "command",
    "args",
    "timeout",
    "interval",
    "failure_threshold",
    "success_threshold",
  ])
    draft.carried(`health_check.${key}`, "readinessProbe, livenessProbe");
  for (const key of ["start_period", "start_interval"]) draft.carried(`health_check.${key}`, "startupProbe");
  draft.carried("start_timeout", "startupProbe");
  draft.carried("health_check.action", check.action === "restart" ? "livenessProbe" : "no livenessProbe");
  draft.carried("health_check.insecure_tls", "Kubernetes does not check certificates");
  if (check.probe.type === "http" && !check.probe.insecureTls && check.probe.endpoint.startsWith("https:"))
    draft.approximated("health_check.insecure_tls", "Kubernetes does not check certificates", null, true);
  if (check.fallback !== null) draft.dropped("health_check.fallback_check", "Kubernetes has one check for each probe");
  if (check.probe.type === "http" && check.probe.expectedContent !== null)
    draft.dropped("health_check.expected_content", "Kubernetes checks the status code only", "check the content in an exec probe");
  if (draft.isSet("health_check.expected_status"))
    draft.approximated("health_check.expected_status", "Kubernetes accepts every status from 200 to 399");
  if (check.probe.type !== "exec")
    draft.approximated("health_check.host", "Kubernetes probes the address of the pod", "let the program listen on 0.0.0.0", true);
  return {
    startupProbe: {
      ...handler,
      periodSeconds: startPeriod,
      timeoutSeconds: timing.timeoutSeconds,
      failureThreshold: Math.max(1, Math.ceil(startTime / 1000 / startPeriod)),
    },
    readinessProbe: { ...handler, ...timing, successThreshold: check.successThreshold },
    ...(check.action === "restart" && { livenessProbe: { ...handler, ...timing } }),
  };
}

/** Rounds up to whole seconds, because Kubernetes has no fractions. */
export const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** Returns the handler, or says why there is none. */
function handlerOf(probe: ProbeSpec, port: number | null, texts: Texts): Manifest | string {
  const literal = (text: string): string | null => {
    const value = texts.literal(text);
    return value.ok ? plainText(value.value) : null;
  };
  if (probe.type === "exec") {
    const words = [probe.command, ...probe.args].map(literal);
    return words.includes(null) ? "Kubernetes expands no variables in the command of a probe" : { exec: { command: words } };
  }
  if (probe.type === "tcp") {
    const number = Number(literal(probe.port) ?? port ?? 0);
    return number > 0 ? { tcpSocket: { port: number } } : "the port is not known";
  }
  if (probe.type !== "http") return "Kubernetes has no such check";
  const endpoint = literal(probe.endpoint);
  if (endpoint === null) return "the endpoint is not known now";
  if (endpoint.startsWith("unix:")) return "Kubernetes cannot probe a Unix socket";
  if (probe.method !== "GET") return `Kubernetes cannot send ${probe.method}`;
  const match = /^(https?):\/\/([^/?#]*)([^#]*)/.exec(endpoint);
  if (match === null) return "the endpoint is not a URL";
  const [, scheme, authority, path] = match as unknown as [string, string, string, string];
  if (authority.includes("@")) return "Kubernetes sends no credentials with a probe";
  const number = Number(/:(\d+)$/.exec(authority)?.[1] ?? (scheme === "https" ? 443 : 80));
  const headers = Object.entries(probe.headers).map(([name, value]) => ({ name, value: literal(value) }));
  if (headers.some(({ value }) => value === null)) return "a header is not known now";
  return {
    httpGet: {
      path: path === "" ? "/" : path.startsWith("?") ? `/${path}` : path,
      port: number,
      ...(scheme === "https" && { scheme: "HTTPS" }),
      ...(headers.length > 0 && { httpHeaders: headers }),
    },
  };
}
