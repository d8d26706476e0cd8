import { parseListen } from "../../../spec/schema/listen.ts";
import type { HttpProbe, ProbeSpec } from "../../../spec/spec.ts";
import { plainText } from "../text.ts";
import { nanoseconds, type NomadExport, type Part } from "./context.ts";
import { hasDynamicPort } from "./environment.ts";

export interface Network {
  readonly networks: readonly Part[];
  readonly services: readonly Part[];
}

/** Returns the ports, and the service with its check. */
export function exportNetwork(given: NomadExport): Network {
  const { draft, name, image } = given;
  const { spec } = draft;
  const ports = portsOf(given);
  const check = checkOf(given, ports);
  if (ports.size === 0) return { networks: [], services: [] };
  const isDynamic = (label: string): boolean => image !== null || (label === "http" && hasDynamicPort(spec));
  const entries = [...ports].map(([port, label]) => ({ port, label }));
  const dynamic = entries.filter(({ label }) => isDynamic(label));
  const reserved = entries.filter(({ label }) => !isDynamic(label));
  const network = {
    ...(reserved.length > 0 && { ReservedPorts: reserved.map(({ port, label }) => ({ Label: label, Value: port })) }),
    ...(dynamic.length > 0 && { DynamicPorts: dynamic.map(({ port, label }) => ({ Label: label, ...(image !== null && { To: port }) })) }),
  };
  if (image !== null) draft.approximated("port", "network: Nomad chooses the port on the machine, and the service has its number");
  else if (hasDynamicPort(spec)) draft.approximated("port", "network: Nomad chooses a port for each allocation, as PORT");
  else draft.carried("port", "network, and the variable PORT");
  const service = {
    Name: name,
    Provider: "nomad",
    PortLabel: entries[0]!.label,
    ...(check !== null && { Checks: [check] }),
  };
  return { networks: [network], services: [service] };
}

/** Returns the labels of the ports, by number. */
function portsOf({ draft }: NomadExport): Map<number, string> {
  const { port, sockets, type } = draft.spec;
  const ports = new Map<number, string>();
  if (type === "oneshot") {
    draft.carried("port", "the variable PORT");
    return ports;
  }
  if (port !== null) ports.set(port, "http");
  for (const { listen } of sockets) {
    const address = parseListen(listen);
    if (address.ok && address.value.family !== "unix" && !ports.has(address.value.port))
      ports.set(address.value.port, `port-${address.value.port}`);
  }
  if (sockets.length > 0) draft.dropped("sockets", "Nomad passes no sockets to a task", "let the program listen on its port by itself");
  return ports;
}

/** Returns the check of the service, or null. */
function checkOf(given: NomadExport, ports: Map<number, string>): Part | null {
  const { draft } = given;
  const { check, type } = draft.spec;
  if (check === null) return null;
  if (check.probe.type === "process") {
    draft.carried("health_check", "Nomad restarts a task when its process ends");
    return null;
  }
  const handler = type === "oneshot" ? "Nomad has no services for batch jobs" : handlerOf(given, check.probe);
  if (typeof handler === "string") {
    draft.dropped("health_check", handler, 'write a check in a service with provider = "consul"');
    return null;
  }
  const { port, part } = handler;
  const label = ports.get(port) ?? `port-${port}`;
  ports.set(port, label);
  for (const key of ["type", "endpoint", "method", "headers", "insecure_tls", "host", "port", "timeout", "interval"])
    draft.carried(`health_check.${key}`, "check");
  draft.approximated("health_check.host", "Nomad connects to the address of the machine", "let the program listen on 0.0.0.0", true);
  for (const key of ["failure_threshold", "start_period", "action"]) draft.carried(`health_check.${key}`, "check_restart");
  if (check.action === "none") {
    for (const key of ["failure_threshold", "start_period"])
      draft.dropped(`health_check.${key}`, "for Nomad, one result decides whether a service is healthy");
  }
  draft.dropped("health_check.start_interval", "Nomad has one interval");
  draft.dropped("health_check.success_threshold", "for Nomad, one success is enough");
  if (check.probe.type === "http") {
    if (check.probe.expectedContent !== null)
      draft.dropped("health_check.expected_content", "Nomad checks the status code only", "check the content in the program");
    draft.approximated("health_check.expected_status", "Nomad accepts every status from 200 to 299", null, true);
  }
  if (check.fallback !== null) draft.dropped("health_check.fallback_check", "Nomad has no fallback for a check", "write a second check");
  const interval = Math.max(1000, check.intervalMs);
  return {
    Name: "health",
    ...part,
    PortLabel: label,
    Interval: nanoseconds(interval),
    Timeout: nanoseconds(Math.max(1000, check.probe.timeoutMs)),
    ...(check.action === "restart" && { CheckRestart: { Limit: check.failureThreshold, Grace: nanoseconds(check.startPeriodMs) } }),
  };
}

interface Handler {
  readonly port: number;
  readonly part: Part;
}

/** Returns the check itself, or a string that says why there is none. */
function handlerOf(given: NomadExport, probe: ProbeSpec): Handler | string {
  const { draft, texts } = given;
  const known = (text: string): string | null => {
    // The port of the unit only stands for its label here, even if Nomad chooses its number.
    const value = texts.literal(text.replaceAll(/\$\{PORT(:-[^}]*)?\}/g, String(draft.spec.port ?? 0)));
    return value.ok ? plainText(value.value) : null;
  };
  if (probe.type === "tcp") {
    const port = Number(known(probe.port) ?? 0);
    return port > 0 ? { port, part: { Type: "tcp" } } : "the port is not known";
  }
  return probe.type === "http" ? httpHandler(probe, known) : "the checks of Nomad's own services cannot run a command";
}

function httpHandler(probe: HttpProbe, known: (text: string) => string | null): Handler | string {
  const match = /^(https?):\/\/([^/?#]*)([^#]*)/.exec(known(probe.endpoint) ?? "");
  if (match === null) return "the endpoint is no URL with a port that is known now";
  const [, scheme, authority, path] = match as unknown as [string, string, string, string];
  if (authority.includes("@")) return "Nomad sends no credentials with a check";
  const headers = Object.entries(probe.headers).map(([name, value]) => [name, known(value)] as const);
  if (headers.some(([name, value]) => value === null || !/^[A-Za-z][\w-]*$/.test(name))) return "a header cannot be written";
  return {
    port: Number(/:(\d+)$/.exec(authority)?.[1] ?? (scheme === "https" ? 443 : 80)),
    part: {
      Type: "http",
      Path: path === "" ? "/" : path.startsWith("?") ? `/${path}` : path,
      ...(probe.method !== "GET" && { Method: probe.method }),
      ...(scheme === "https" && { Protocol: "https" }),
      ...(probe.insecureTls && { TLSSkipVerify: true }),
      ...(headers.length > 0 && { Header: Object.fromEntries(headers.map(([name, value]) => [name, [value]])) as unknown }),
    },
  };
}
