/** Checks jobs against the structure that Nomad documents: its job specification, its JSON API, and the rules of its validation. */

type Kind = "string" | "integer" | "number" | "boolean" | "strings" | "map" | "duration";

interface Shape {
  /** The key of the API that holds the label of the block. */
  readonly label?: string;
  /** Attributes of the block: the key of the API, and the type. */
  readonly attributes: Readonly<Record<string, readonly [api: string, kind: Kind]>>;
  readonly blocks?: Readonly<Record<string, readonly [api: string, shape: Shape, isList: boolean]>>;
  readonly required?: readonly string[];
}

const CHECK_RESTART: Shape = { attributes: { limit: ["Limit", "integer"], grace: ["Grace", "duration"] } };
const CHECK: Shape = {
  attributes: {
    name: ["Name", "string"], type: ["Type", "string"], path: ["Path", "string"], port: ["PortLabel", "string"], method: ["Method", "string"],
    protocol: ["Protocol", "string"], interval: ["Interval", "duration"], timeout: ["Timeout", "duration"], tls_skip_verify: ["TLSSkipVerify", "boolean"],
  },
  blocks: { check_restart: ["CheckRestart", CHECK_RESTART, false], header: ["Header", { attributes: {} }, false] },
  required: ["Type", "Interval", "Timeout"],
}; // prettier-ignore
const SERVICE: Shape = {
  attributes: { name: ["Name", "string"], provider: ["Provider", "string"], port: ["PortLabel", "string"] },
  blocks: { check: ["Checks", CHECK, true] },
  required: ["Name", "PortLabel"],
};
const PORT: Shape = { label: "Label", attributes: { static: ["Value", "integer"], to: ["To", "integer"] } };
const NETWORK: Shape = { attributes: {}, blocks: { port: ["Ports", PORT, true] } };
const RESTART: Shape = {
  attributes: {
    attempts: ["Attempts", "integer"],
    interval: ["Interval", "duration"],
    delay: ["Delay", "duration"],
    mode: ["Mode", "string"],
  },
  required: ["Attempts", "Interval", "Delay", "Mode"],
};
const RESCHEDULE: Shape = {
  attributes: {
    attempts: ["Attempts", "integer"], delay: ["Delay", "duration"], delay_function: ["DelayFunction", "string"], unlimited: ["Unlimited", "boolean"],
  },
}; // prettier-ignore
const UPDATE: Shape = {
  attributes: {
    max_parallel: ["MaxParallel", "integer"], health_check: ["HealthCheck", "string"], min_healthy_time: ["MinHealthyTime", "duration"],
    healthy_deadline: ["HealthyDeadline", "duration"], progress_deadline: ["ProgressDeadline", "duration"], auto_revert: ["AutoRevert", "boolean"],
    auto_promote: ["AutoPromote", "boolean"], canary: ["Canary", "integer"],
  },
}; // prettier-ignore
const STRATEGY: Shape = {
  attributes: {
    target: ["target", "number"], threshold: ["threshold", "number"], max_scale_up: ["max_scale_up", "integer"], max_scale_down: ["max_scale_down", "integer"],
  },
  required: ["target"],
}; // prettier-ignore
const DOCKER: Shape = {
  attributes: {
    image: ["image", "string"], entrypoint: ["entrypoint", "strings"], args: ["args", "strings"], work_dir: ["work_dir", "string"],
    ports: ["ports", "strings"], pids_limit: ["pids_limit", "integer"],
  },
  blocks: { ulimit: ["ulimit", { attributes: {} }, true] },
  required: ["image"],
}; // prettier-ignore
const RAW_EXEC: Shape = {
  attributes: { command: ["command", "string"], args: ["args", "strings"], work_dir: ["work_dir", "string"] },
  required: ["command"],
};
const TEMPLATE: Shape = {
  attributes: {
    data: ["EmbeddedTmpl", "string"], destination: ["DestPath", "string"], env: ["Envvars", "boolean"], change_mode: ["ChangeMode", "string"],
  },
  required: ["DestPath"],
}; // prettier-ignore
const task = (config: Shape): Shape => ({
  label: "Name",
  attributes: {
    driver: ["Driver", "string"], user: ["User", "string"], kill_signal: ["KillSignal", "string"], kill_timeout: ["KillTimeout", "duration"],
    env: ["Env", "map"], meta: ["Meta", "map"],
  },
  blocks: {
    config: ["Config", config, false],
    template: ["Templates", TEMPLATE, true],
    lifecycle: ["Lifecycle", { attributes: { hook: ["Hook", "string"], sidecar: ["Sidecar", "boolean"] } }, false],
    resources: ["Resources", { attributes: { memory: ["MemoryMB", "integer"] } }, false],
    logs: ["LogConfig", { attributes: { max_files: ["MaxFiles", "integer"], max_file_size: ["MaxFileSizeMB", "integer"] } }, false],
  },
  required: ["Name", "Driver", "Config"],
}); // prettier-ignore
const SCALING: Shape = {
  attributes: { enabled: ["Enabled", "boolean"], min: ["Min", "integer"], max: ["Max", "integer"] },
  required: ["Max"],
};
const group = (config: Shape): Shape => ({
  label: "Name",
  attributes: { count: ["Count", "integer"] },
  blocks: {
    scaling: ["Scaling", SCALING, false],
    restart: ["RestartPolicy", RESTART, false],
    reschedule: ["ReschedulePolicy", RESCHEDULE, false],
    update: ["Update", UPDATE, false],
    network: ["Networks", NETWORK, true],
    service: ["Services", SERVICE, true],
    task: ["Tasks", task(config), true],
  },
  required: ["Name", "Count", "Tasks"],
});
const PERIODIC: Shape = {
  attributes: {
    enabled: ["Enabled", "boolean"], crons: ["Specs", "strings"], prohibit_overlap: ["ProhibitOverlap", "boolean"], time_zone: ["TimeZone", "string"],
  },
  required: ["Specs"],
}; // prettier-ignore
const job = (config: Shape): Shape => ({
  label: "ID",
  attributes: { name: ["Name", "string"], type: ["Type", "string"], datacenters: ["Datacenters", "strings"], meta: ["Meta", "map"] },
  blocks: { periodic: ["Periodic", PERIODIC, false], group: ["TaskGroups", group(config), true] },
  required: ["ID", "Type", "TaskGroups"],
});

/** Data whose shape this file checks. */
type Data = ReturnType<typeof JSON.parse>;

/** Reads a job file as Nomad does, and returns the job in the form of the API. */
export function parseHcl(text: string, driver: "docker" | "raw_exec"): Data {
  const tokens = [...text.replaceAll(/^#.*$/gm, "").matchAll(/"(?:[^"\\]|\\.)*"|[\w.-]+|[{}[\]=,]/g)].map(([token]) => token);
  let at = 0;
  const next = (): string => tokens[at++]!;
  const expect = (wanted: string): void => {
    const token = next();
    if (token !== wanted) throw new Error(`${token} instead of ${wanted} at ${tokens.slice(at - 6, at + 2).join(" ")}`);
  };
  const string = (token: string): string => {
    const value = JSON.parse(token) as string;
    // A plain ${NAME} stays for the start of the task. Everything else would be an expression.
    if (/(?<!\$)\$\{(?![A-Za-z_]\w*\})|(?<!%)%\{/.test(value)) throw new Error(`an expression in ${token}`);
    return value.replaceAll(/\$\$(?=\{)/g, "$").replaceAll(/%%(?=\{)/g, "%");
  };
  const value = (): unknown => {
    const token = next();
    if (token === "[") {
      const list: unknown[] = [];
      while (tokens[at] !== "]") {
        list.push(value());
        if (tokens[at] === ",") at++;
      }
      expect("]");
      return list;
    }
    if (token === "{") {
      const map: Record<string, unknown> = {};
      while (tokens[at] !== "}") {
        const key = next();
        expect("=");
        map[key.startsWith('"') ? string(key) : key] = value();
      }
      expect("}");
      return map;
    }
    return token.startsWith('"') ? string(token) : JSON.parse(token);
  };
  const block = (name: string, shape: Shape): Data => {
    const result: Record<string, Data> = {};
    const labels: string[] = [];
    while (tokens[at]!.startsWith('"')) labels.push(string(next()));
    if (shape.label !== undefined) result[shape.label] = labels[0];
    expect("{");
    while (tokens[at] !== "}") {
      const key = next();
      if (tokens[at] === "=") {
        at++;
        const given = value();
        if (name === "header" || name === "ulimit") result[key] = given;
        else {
          const [api, kind] = shape.attributes[key] ?? [];
          if (api === undefined) throw new Error(`${name} has no attribute ${key}`);
          result[api] = kind === "duration" ? durationOf(given) : given;
        }
      } else if (key === "policy") result.Policy = policy();
      else {
        const [api, inner, isList] = shape.blocks?.[key] ?? [];
        if (api === undefined) throw new Error(`${name} has no block ${key}`);
        const made = block(key, inner!);
        const target = api === "Ports" ? ("Value" in made ? "ReservedPorts" : "DynamicPorts") : api;
        if (isList) (result[target] ??= []).push(made);
        else result[target] = made;
      }
    }
    expect("}");
    return result;
  };
  /** The API keeps the blocks of a policy as lists of objects. */
  const policy = (): Data => {
    const result: Record<string, Data> = {};
    expect("{");
    while (tokens[at] !== "}") {
      const key = next();
      if (tokens[at] === "=") {
        at++;
        result[key] = value();
      } else (result[key] ??= []).push({ [string(next())]: [policy()] });
    }
    expect("}");
    return result;
  };
  expect("job");
  const result = block("job", job(driver === "docker" ? DOCKER : RAW_EXEC));
  // Nomad knows one type of schedule.
  if (result.Periodic) result.Periodic = { ...result.Periodic, SpecType: "cron" };
  return result;
}

function durationOf(value: unknown): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(String(value));
  if (!match) throw new Error(`${String(value)} is not a duration`);
  return Math.round(Number(match[1]) * (match[2] === "s" ? 1e9 : 1e6));
}

/** Returns what Nomad would refuse about a job of its API. */
export function faultsOf(given: Data): string[] {
  const driver = given.TaskGroups[0].Tasks[0].Driver;
  const structure = structureFaults(given, job(driver === "docker" ? DOCKER : RAW_EXEC), "job");
  return structure.length > 0
    ? structure
    : [...jobFaults(given), ...given.TaskGroups.flatMap((each: Data) => groupFaults(each, given.Type))];
}

const SECOND = 1e9;

function structureFaults(value: Data, shape: Shape, path: string): string[] {
  const faults: string[] = [];
  const kinds = new Map(Object.values(shape.attributes));
  const blocks = new Map(Object.values(shape.blocks ?? {}).map(([api, inner, isList]) => [api, [inner, isList] as const]));
  for (const key of shape.required ?? []) if (value[key] === undefined) faults.push(`${path}.${key} is missing`);
  for (const [key, inner] of Object.entries(value)) {
    const where = `${path}.${key}`;
    const block = blocks.get(key === "ReservedPorts" || key === "DynamicPorts" ? "Ports" : key);
    if (key === shape.label || key === "Policy" || key === "SpecType") continue;
    if (key === "Networks") faults.push(...(inner as Data[]).flatMap((each) => networkFaults(each, where)));
    else if (block) {
      const [next, isList] = block;
      if (Array.isArray(inner) !== isList) faults.push(`${where} has the wrong form`);
      else if (key !== "Header" && key !== "ulimit")
        for (const each of isList ? (inner as Data[]) : [inner]) faults.push(...structureFaults(each, next, where));
    } else if (kinds.has(key)) {
      if (!isOfKind(inner, kinds.get(key)!)) faults.push(`${where} is ${JSON.stringify(inner)}`);
    } else faults.push(`${where} is unknown`);
  }
  return faults;
}

const networkFaults = (network: Data, path: string): string[] =>
  Object.entries(network).flatMap(([key, ports]) =>
    ["ReservedPorts", "DynamicPorts"].includes(key)
      ? (ports as Data[]).flatMap((port) => structureFaults(port, PORT, `${path}.${key}`))
      : [`${path}.${key} is unknown`],
  );

function isOfKind(value: unknown, kind: Kind): boolean {
  if (kind === "integer" || kind === "duration") return Number.isSafeInteger(value) && (value as number) >= -1;
  if (kind === "strings") return Array.isArray(value) && value.every((each) => typeof each === "string");
  if (kind === "map") return typeof value === "object" && Object.values(value as object).every((each) => typeof each === "string");
  return typeof value === kind;
}

function jobFaults(given: Data): string[] {
  const faults: string[] = [];
  if (/[\s\0]/.test(given.ID) || given.ID === "") faults.push("the ID has blanks");
  if (!["service", "batch"].includes(given.Type)) faults.push("the type is unknown");
  if (given.Periodic && given.Type !== "batch") faults.push("only a batch job can be periodic");
  return faults;
}

/** The rules of `Validate` of the structures of a group. */
function groupFaults(group: Data, type: string): string[] {
  const { RestartPolicy: restart, ReschedulePolicy: reschedule, Update: update, Scaling: scaling } = group;
  const faults: string[] = [];
  const must = (isMet: boolean, fault: string): void => void (isMet || faults.push(fault));
  must(["fail", "delay"].includes(restart.Mode), "restart: mode");
  must(restart.Interval >= 5 * SECOND, "restart: the interval is shorter than 5 s");
  must(restart.Attempts > 0 || restart.Mode === "fail", "restart: 0 attempts in the mode delay are ambiguous");
  must(restart.Attempts * restart.Delay <= restart.Interval, "restart: the attempts do not fit into the interval");
  if (reschedule.Unlimited) {
    must(reschedule.Delay >= 5 * SECOND, "reschedule: the delay is shorter than 5 s");
    must(["constant", "exponential", "fibonacci"].includes(reschedule.DelayFunction), "reschedule: delay_function");
  } else must(reschedule.Attempts === 0, "reschedule: attempts need an interval");
  if (update) {
    must(type === "service", "update: only for a service");
    must(["checks", "task_states", "manual"].includes(update.HealthCheck), "update: health_check");
    must(update.MinHealthyTime < update.HealthyDeadline, "update: min_healthy_time is not less than healthy_deadline");
    must(update.HealthyDeadline < update.ProgressDeadline, "update: healthy_deadline is not less than progress_deadline");
    must((update.Canary ?? 0) <= group.Count, "update: more canaries than allocations");
    must(!update.AutoPromote || update.Canary > 0, "update: auto_promote without a canary");
    must(update.HealthCheck !== "checks" || (group.Services ?? []).some((each: Data) => each.Checks), "update: there are no checks");
  }
  if (scaling) {
    must(scaling.Min <= group.Count && group.Count <= scaling.Max, "scaling: the count is outside of the bounds");
    must(scaling.Max > 0, "scaling: max");
    faults.push(...policyFaults(scaling.Policy));
  }
  const labels = new Set(
    (group.Networks ?? [])
      .flatMap((each: Data) => [...(each.ReservedPorts ?? []), ...(each.DynamicPorts ?? [])])
      .map((each: Data) => each.Label),
  );
  const names = group.Tasks.map(({ Name }: Data) => Name);
  must(new Set(names).size === names.length, "two tasks have one name");
  must(group.Tasks.filter((each: Data) => !each.Lifecycle).length === 1, "there must be one main task");
  for (const { Name, PortLabel, Checks = [], Provider } of group.Services ?? []) {
    must(/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/.test(Name), "service: the name");
    must(labels.has(PortLabel), "service: there is no such port");
    for (const check of Checks) {
      must(["http", "tcp"].includes(check.Type) && Provider === "nomad", "check: the type is not one of Nomad's own services");
      must(check.Interval >= SECOND && check.Timeout >= SECOND, "check: interval and timeout are at least 1 s");
      must(labels.has(check.PortLabel), "check: there is no such port");
      must(check.Type !== "http" || check.Path?.startsWith("/"), "check: the path");
    }
  }
  for (const { Config, Driver, Resources, LogConfig } of group.Tasks) {
    must(Driver !== "raw_exec" || Config.command.startsWith("/"), "raw_exec: the command is not an absolute path");
    must(Resources === undefined || Resources.MemoryMB >= 10, "resources: less than 10 MB");
    must(LogConfig === undefined || (LogConfig.MaxFiles >= 1 && LogConfig.MaxFileSizeMB >= 1), "logs: at least one file of 1 MB");
  }
  return faults;
}

/** The policy of the Nomad Autoscaler, which Nomad itself does not check. */
function policyFaults({ check = [], ...attributes }: Data): string[] {
  const faults = Object.keys(attributes)
    .filter((key) => !["cooldown", "cooldown_on_scale_up", "evaluation_interval"].includes(key))
    .map((key) => `policy: ${key} is unknown`);
  for (const [{ source, query, strategy, ...others }] of check.flatMap((each: Data) => Object.values(each))) {
    if (typeof source !== "string" || typeof query !== "string" || Object.keys(others).length > 0) faults.push("policy: a check");
    for (const [name, [settings]] of Object.entries<Data>(strategy[0])) {
      if (name !== "target-value") faults.push(`policy: the strategy ${name}`);
      faults.push(...structureFaults(settings, STRATEGY, "strategy"));
    }
  }
  return faults;
}
