import type { Part } from "./context.ts";

/** Prints a job of Nomad's API in the language of its job files (HCL). */
export function printHcl(job: Part): string {
  const { ID, ...rest } = job;
  return block("job", [String(ID)], rest, "");
}

interface Block {
  readonly name: string;
  /** The key whose value is the label of the block. */
  readonly label?: string;
}

const BLOCKS: Readonly<Record<string, Block>> = {
  Periodic: { name: "periodic" },
  TaskGroups: { name: "group", label: "Name" },
  Networks: { name: "network" },
  ReservedPorts: { name: "port", label: "Label" },
  DynamicPorts: { name: "port", label: "Label" },
  Services: { name: "service" },
  Checks: { name: "check" },
  CheckRestart: { name: "check_restart" },
  Header: { name: "header" },
  RestartPolicy: { name: "restart" },
  ReschedulePolicy: { name: "reschedule" },
  Update: { name: "update" },
  Scaling: { name: "scaling" },
  Tasks: { name: "task", label: "Name" },
  Config: { name: "config" },
  ulimit: { name: "ulimit" },
  Templates: { name: "template" },
  Lifecycle: { name: "lifecycle" },
  Resources: { name: "resources" },
  LogConfig: { name: "logs" },
};

/** Names that differ in more than their case. */
const NAMES: Readonly<Record<string, string>> = {
  Value: "static",
  PortLabel: "port",
  MemoryMB: "memory",
  MaxFileSizeMB: "max_file_size",
  Specs: "crons",
  EmbeddedTmpl: "data",
  DestPath: "destination",
  Envvars: "env",
  TLSSkipVerify: "tls_skip_verify",
};

const DURATIONS = new Set([
  "KillTimeout",
  "Interval",
  "Timeout",
  "Grace",
  "Delay",
  "MinHealthyTime",
  "HealthyDeadline",
  "ProgressDeadline",
]);

function block(name: string, labels: readonly string[], content: Part, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(content).map(([key, value]) => member(name, key, value, inner));
  const head = [name, ...labels.map((label) => JSON.stringify(label))].join(" ");
  return `${indent}${head} {\n${lines.join("")}${indent}}\n`;
}

function member(parent: string, key: string, value: unknown, indent: string): string {
  if (key === "SpecType") return "";
  if (key === "Policy") return policy(value as Part, indent);
  if (key === "Env" || key === "Meta") return map(key.toLowerCase(), value as Part, indent);
  const shape = parent === "strategy" || parent === "header" || !Object.hasOwn(BLOCKS, key) ? undefined : BLOCKS[key]!;
  if (shape === undefined) return `${indent}${attribute(parent, key)} = ${valueOf(key, value)}\n`;
  return ((Array.isArray(value) ? value : [value]) as Part[])
    .map((each) => {
      const { [shape.label ?? ""]: label, ...content } = each;
      return block(shape.name, shape.label === undefined ? [] : [String(label)], content, indent);
    })
    .join("");
}

const attribute = (parent: string, key: string): string =>
  parent === "header" || /^[a-z]/.test(key) ? key : (NAMES[key] ?? key.replaceAll(/(?<!^)[A-Z]/g, "_$&").toLowerCase());

function valueOf(key: string, value: unknown): string {
  if (typeof value === "number" && DURATIONS.has(key)) return JSON.stringify(span(value / 1_000_000));
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map((each) => valueOf("", each)).join(", ")}]`;
  return JSON.stringify(value);
}

const span = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

/** A map whose keys need not be names of the language. */
function map(name: string, content: Part, indent: string): string {
  const lines = Object.entries(content).map(([key, value]) => `${indent}  ${JSON.stringify(key)} = ${quoted(String(value))}\n`);
  return `${indent}${name} = {\n${lines.join("")}${indent}}\n`;
}

function policy({ check, ...attributes }: Part, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(attributes).map(([key, value]) => `${inner}${key} = ${valueOf("", value)}\n`);
  const checks = ((check ?? []) as Array<Record<string, Part[]>>).flatMap((each) =>
    Object.entries(each).map(([name, [content]]) => {
      const { strategy, ...rest } = content!;
      const [[kind, [settings]]] = Object.entries((strategy as Array<Record<string, Part[]>>)[0]!) as [[string, [Part]]];
      const own = Object.entries(rest).map(([key, value]) => `${inner}  ${key} = ${valueOf("", value)}\n`);
      return `${inner}check ${JSON.stringify(name)} {\n${own.join("")}${block("strategy", [kind], settings, `${inner}  `)}${inner}}\n`;
    }),
  );
  return `${indent}policy {\n${lines.join("")}${checks.join("")}${indent}}\n`;
}

/**
 * Writes a string. The language expands `${…}` and `%{…}` when the file is read. It leaves a plain `${NAME}` that it does not
 * know to the start of the task, so only other forms are escaped.
 */
const quoted = (text: string): string =>
  JSON.stringify(text)
    .replaceAll(/\$\{(?![A-Za-z_]\w*\})/g, "$$$${")
    .replaceAll("%{", "%%{")
    .replaceAll(/[\x7f-\x9f\u2028\u2029\ufeff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
