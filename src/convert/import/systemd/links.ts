import type { UnitDraft } from "../draft.ts";
import { importConditions } from "./conditions.ts";
import { whereOf, type Assignment, type Settings } from "./parse.ts";
import { literalOf, specifierParts, type UnitNames } from "./specifiers.ts";
import { UNKNOWN_KEY } from "./tables.ts";
import { splitWords } from "./values.ts";

/** Imports the section `[Unit]`, except for dependencies. `unknown` collects the specifiers whose values sup does not know. */
export function importUnitSection(unit: UnitDraft, settings: Settings, names: UnitNames, unknown: Set<string>): void {
  const description = settings.last("Description");
  if (description) unit.carry("Description", "description", wordsOf(description.value, names).slice(0, 500), whereOf(description));
  const documentation = settings
    .all("Documentation")
    .map(({ value }) => wordsOf(value, names))
    .join(" ");
  if (documentation !== "") unit.carry("Documentation", "labels.documentation", documentation, whereOf(settings.last("Documentation")!));
  failureAction(unit, settings);
  importConditions(unit, settings, names, unknown);
  for (const key of settings.keys()) {
    if (HANDLED.has(key) || /^(Condition|Assert)/.test(key) || Object.hasOwn(LINKS, key)) continue;
    const found = settings.last(key)!;
    if (/^X-/.test(key)) continue;
    const reason = REASONS.get(key);
    unit.drop(key, whereOf(found), ...(reason ?? UNKNOWN_KEY));
  }
}

/** Returns a string for people, in which sup expands nothing. A specifier without a known value stays as it is. */
const wordsOf = (text: string, names: UnitNames): string => text.replaceAll(/%./g, (specifier) => literalOf(specifier, names) ?? specifier);

const HANDLED = new Set([
  "Description",
  "Documentation",
  "FailureAction",
  "StartLimitBurst",
  "StartLimitInterval",
  "StartLimitIntervalSec",
]);

const REASONS: ReadonlyMap<string, readonly [string, string | null]> = new Map([
  ["Conflicts", ["sup does not stop a unit because another starts", null]],
  ["OnFailure", ["sup starts no unit after a failure", "a failure raises an alert: see `sup alerts`"]],
  ["OnSuccess", ["sup starts no unit after a success", "let the other unit depend on this one"]],
  ["OnFailureJobMode", ["sup starts no unit after a failure", null]],
  ["DefaultDependencies", ["sup starts after the machine has booted", null]],
  ["RequiresMountsFor", ["sup starts after the machine has mounted its file systems", null]],
  ["WantsMountsFor", ["sup starts after the machine has mounted its file systems", null]],
  ["StopWhenUnneeded", ["sup stops a unit only on request", null]],
  ["RefuseManualStart", ["every unit can be started by hand", null]],
  ["RefuseManualStop", ["every unit can be stopped by hand", null]],
  ["AllowIsolate", ["sup has no targets", null]],
  ["IgnoreOnIsolate", ["sup has no targets", null]],
  ["JobTimeoutSec", ["see start_timeout", null]],
  ["JobRunningTimeoutSec", ["see start_timeout", null]],
  ["JobTimeoutAction", ["sup never reboots the machine", null]],
  ["StartLimitAction", ["sup never reboots the machine", null]],
  ["SuccessAction", ["sup never reboots the machine", null]],
  ["CollectMode", ["sup keeps every unit that has a file", null]],
  ["SourcePath", ["it is information for systemd", null]],
  ["PropagatesReloadTo", ["sup reloads one unit at a time", null]],
  ["ReloadPropagatedFrom", ["sup reloads one unit at a time", null]],
  ["PropagatesStopTo", ["sup does not stop a unit because another stops", "see `sup stop --cascade`"]],
  ["JoinsNamespaceOf", ["sup has no sandbox yet", null]],
  ["SurviveFinalKillSignal", ["sup does not shut the machine down", null]],
] as const);

/** `exit` ends the service manager, as `on_fatal` does. All other values reboot or shut down the machine. */
function failureAction(unit: UnitDraft, settings: Settings): void {
  const found = settings.last("FailureAction");
  if (found === undefined) return;
  const where = whereOf(found);
  if (found.value === "none") unit.carried(found.key, "the default", where);
  else if (found.value === "exit") unit.carry(found.key, "on_fatal", "shutdown", where);
  else if (found.value === "exit-force")
    unit.approximate(found.key, "on_fatal", "shutdown", where, "sup stops the other units in order before it exits");
  else unit.drop(found.key, where, "sup never reboots the machine");
}

/**
 * The keys that name other units, with their meaning as a dependency of this unit. `before` marks keys that become a
 * dependency of the other unit.
 */
const LINKS: Readonly<Record<string, Readonly<Record<string, unknown>> | "before">> = {
  Requires: {},
  Requisite: {},
  BindsTo: {},
  Wants: { required: false },
  Upholds: { required: false },
  After: { required: false },
  PartOf: { required: false, restart: true },
  Before: "before",
};

/** Reads the dependencies of a unit. `others` holds the imported services by their systemd name. */
export function importLinks(unit: UnitDraft, settings: Settings, names: UnitNames, others: ReadonlyMap<string, UnitDraft>): void {
  for (const [key, meaning] of Object.entries(LINKS)) {
    for (const found of settings.all(key)) {
      const absent: string[] = [];
      for (const { text } of splitWords(found.value) ?? []) {
        const name = unitName(text, names);
        const target = targetOf(name, others);
        if (target?.unit === unit && target.instance === "") unit.carried(key, `${name} is part of this unit`, whereOf(found));
        else if (target && (isOpen(target) || (meaning === "before" && unit.name.endsWith("@"))))
          unit.drop(
            key,
            whereOf(found),
            `the dependency concerns instances of a template (${text}), and sup cannot name them here`,
            "add the dependency to each instance that needs it",
          );
        else if (target === undefined || (meaning === "before" && target.instance !== "")) absent.push(name);
        else if (meaning === "before")
          target.unit.depend(unit.id, { required: false }, `${names.name}${names.suffix} Before`, whereOf(found));
        else unit.depend(target.unit.id, meaning, key, whereOf(found), target.instance);
      }
      dropAbsent(unit, found, absent);
    }
  }
}

/** Returns the name of another unit. If the instance of a template is unknown, returns the name of the template. */
export const unitName = (text: string, names: UnitNames): string =>
  specifierParts(text, names, new Set())
    .map((part) => (typeof part === "string" ? part : ""))
    .join("");

interface Target {
  readonly unit: UnitDraft;
  /** The instance, if the unit is a template. */
  readonly instance: string;
}

/** Returns true if the target is a template without a known instance. */
const isOpen = ({ unit, instance }: Target): boolean => instance === "" && unit.name.endsWith("@");

/** Finds a service, the service of a socket or timer, or the template of an instance. */
function targetOf(name: string, others: ReadonlyMap<string, UnitDraft>): Target | undefined {
  const service = name.replace(/\.(socket|timer)$/, ".service");
  const exact = others.get(name) ?? others.get(service);
  if (exact) return { unit: exact, instance: "" };
  const instance = /^([^@]+@)([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\.service$/.exec(service);
  const template = instance ? others.get(`${instance[1]}.service`) : undefined;
  return template ? { unit: template, instance: instance![2]! } : undefined;
}

function dropAbsent(unit: UnitDraft, found: Assignment, absent: readonly string[]): void {
  const system = absent.filter((name) => SYSTEM.test(name));
  const services = absent.filter((name) => !SYSTEM.test(name));
  if (system.length > 0)
    unit.drop(found.key, whereOf(found), `sup has no targets and starts after the machine has booted, so it needs no ${system.join(", ")}`);
  if (services.length > 0)
    unit.drop(
      found.key,
      whereOf(found),
      `${services.join(", ")} ${services.length === 1 ? "is" : "are"} not among the imported units`,
      found.key === "Before" ? null : "import it too, or let a pre_start command wait for it",
    );
}

const SYSTEM =
  /\.(target|mount|automount|slice|scope|device|swap|path)$|^(systemd-|dbus|network|NetworkManager|syslog|rsyslog|local-fs|remote-fs|time-sync|nss-|cloud-|firewalld|iptables|nftables|plymouth|getty|udev)/;
