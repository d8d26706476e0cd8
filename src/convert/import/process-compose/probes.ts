import { asNumber, asText, isMap, type Data } from "../data.ts";
import type { UnitDraft } from "../draft.ts";
import { joinText } from "../text.ts";
import type { Process, Role } from "./process.ts";
import { bashOf } from "./shell.ts";

/** Imports the probes. A unit has only one health check, so the readiness probe takes precedence over the liveness probe. */
export function importProbes(proc: Process, role: Role): void {
  const { unit, data, where } = proc;
  const { readiness_probe: readiness, liveness_probe: liveness } = data;
  for (const [field, probe] of [
    ["readiness_probe", readiness],
    ["liveness_probe", liveness],
  ] as const) {
    if (probe === undefined || probe === null) continue;
    if (role === "oneshot") unit.drop(field, where, "the unit is a oneshot, whose result is its exit code");
    else if (!isMap(probe)) unit.drop(field, where, "it is not an object");
    else if (unit.json.health_check !== undefined)
      unit.drop(
        field,
        where,
        "a unit has one health check, and readiness_probe is more important",
        'add it as "fallback_check" if it helps',
      );
    else importProbe(proc, field, probe);
  }
  const line = asText(data.ready_log_line);
  if (line !== null) unit.carryIfSupported("ready_log_line", "ready_log", `/${line}/`, where, 'use a "health_check" instead');
}

function importProbe({ unit, where, expander, shell }: Process, field: string, probe: Data): void {
  const check = isMap(probe.http_get) ? http(probe.http_get, (text) => expander.text(text)) : isMap(probe.exec) ? null : undefined;
  if (check === undefined) return unit.drop(field, where, "it has neither http_get nor exec");
  const command = isMap(probe.exec) ? asText(probe.exec.command) : null;
  if (check === null && command === null) return unit.drop(field, where, "exec has no command");
  const place = isMap(probe.exec) ? asText(probe.exec.working_dir) : null;
  const line = command === null ? "" : `${place === null ? "" : `cd '${place.replaceAll("'", "'\\''")}' && `}${expander.shell(command)}`;
  const seconds = (key: string, otherwise: number, least: number): number => Math.max(least, asNumber(probe[key]) ?? otherwise);
  const successes = Math.trunc(seconds("success_threshold", 1, 1));
  const [interval, failures, delay] = [
    seconds("period_seconds", 10, 0.1),
    Math.trunc(seconds("failure_threshold", 3, 1)),
    seconds("initial_delay_seconds", 0, 0),
  ];
  const hasRestart = unit.json.auto_restart !== false;
  unit.set("health_check", {
    ...(check ?? { type: "exec", ...bashOf(line, shell) }),
    interval,
    timeout: seconds("timeout_seconds", 1, 0.001),
    ...(delay > 0 ? { start_period: delay } : {}),
    failure_threshold: failures,
    ...(successes > 1 ? { success_threshold: successes } : {}),
    ...(hasRestart ? {} : { action: "none" }),
  });
  const patience = delay + interval * (failures + 1);
  if (patience > 60) unit.set("start_timeout", Math.ceil(patience));
  if (delay > 0)
    unit.approximated(
      `${field}.initial_delay_seconds`,
      where,
      "health_check.start_period: probes run at once, and failures count after this time",
    );
  unit.carried(field, "health_check", where);
  dropUnknown(unit, field, probe, where);
}

const KEYS = {
  "": "http_get exec initial_delay_seconds period_seconds timeout_seconds success_threshold failure_threshold",
  ".http_get": "host scheme path port num_port headers status_code",
  ".exec": "command working_dir",
} as const;

/** Reports keys that process-compose does not know either, such as those of compose. */
function dropUnknown(unit: UnitDraft, field: string, probe: Data, where: string): void {
  for (const [suffix, known] of Object.entries(KEYS)) {
    const part = suffix === "" ? probe : probe[suffix.slice(1)];
    if (!isMap(part)) continue;
    for (const key of Object.keys(part))
      if (!known.split(" ").includes(key))
        unit.drop(
          `${field}${suffix}.${key}`,
          where,
          "process-compose does not know this key either",
          "correct the key if it should have an effect",
        );
  }
}

function http(get: Data, expand: (text: string) => string): Record<string, unknown> {
  const host = asText(get.host) ?? "127.0.0.1";
  const scheme = asText(get.scheme)?.toLowerCase() === "https" ? "https" : "http";
  const path = asText(get.path) ?? "/";
  const port = asText(get.port) ?? asText(get.num_port);
  const endpoint = `${scheme}://${expand(host)}${port === null || port === "0" || port === "" ? "" : `:${expand(port)}`}${path.startsWith("/") ? "" : "/"}${joinText([path])}`;
  const status = asNumber(get.status_code);
  const headers = isMap(get.headers)
    ? Object.fromEntries(Object.entries(get.headers).map(([name, value]) => [name, expand(asText(value) ?? "")]))
    : null;
  return {
    type: "http",
    endpoint,
    expected_status: status !== null && status >= 100 && status < 600 ? Math.trunc(status) : 200,
    ...(headers === null ? {} : { headers }),
    ...(scheme === "https" ? { insecure_tls: true } : {}),
  };
}
