import type { BrokenUnit, Service } from "../api/contract/shapes.ts";
import { STATES, type State } from "../base/words.ts";
import { TROUBLE_RANK, troubleOf, type Trouble } from "./trouble.ts";

/** `unhealthy` is a health, not a state. A unit whose file has errors is `broken`. It has a row, but is not a service. */
export const LIST_STATES = [...STATES, "unhealthy", "broken"] as const;
export type ListState = (typeof LIST_STATES)[number];

/** The filter and sort order of the list of units. It is part of the page's address, so that a reload keeps it. */
export interface Filter {
  /**
   * Words that must all match the id, name, description or a label (`team=a`) of a unit. `@shop` matches groups that begin with
   * `shop`.
   */
  readonly text: string;
  readonly states: readonly ListState[];
  readonly group: string;
  /** A label in the form `key=value`, or "". */
  readonly label: string;
  readonly sort: Sort;
  readonly descending: boolean;
}

export const SORTS = ["order", "name", "state", "health", "uptime", "restarts", "cpu", "memory", "priority"] as const;
export type Sort = (typeof SORTS)[number];

export const NO_FILTER: Filter = { text: "", states: [], group: "", label: "", sort: "order", descending: false };

export const isNarrowed = ({ text, states, group, label }: Filter): boolean =>
  text.trim() !== "" || states.length > 0 || group !== "" || label !== "";

type TroubleFor = (service: Service) => Trouble;

/**
 * Returns the matching units, sorted. The sort `order` (units in trouble first, then critical units, then by priority, then by
 * name) changes only when the trouble of a unit begins, ends or gets worse.
 */
export function select(services: Iterable<Service>, filter: Filter, troubleFor: TroubleFor = troubleOf): readonly Service[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = [...services].filter(
    (service) =>
      (filter.states.length === 0 ||
        filter.states.includes(service.state) ||
        (service.health === "unhealthy" && filter.states.includes("unhealthy"))) &&
      (filter.group === "" || service.groups.includes(filter.group)) &&
      (filter.label === "" || labelsOf(service).includes(filter.label)) &&
      words.every((word) => holds(service, word)),
  );
  const ranks = new Map(wanted.map((service) => [service, TROUBLE_RANK[troubleFor(service)]]));
  const byTrouble: Compare = (a, b) => ranks.get(a)! - ranks.get(b)!;
  const byTroubleAndState: Compare = (a, b) => byTrouble(a, b) || WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state);
  const inOrder: Compare = (a, b) => byTrouble(a, b) || inFixedOrder(a, b);
  const compare: Compare = filter.sort === "order" ? inOrder : filter.sort === "state" ? byTroubleAndState : COMPARE[filter.sort];
  const sign = filter.descending ? -1 : 1;
  return wanted.sort((a, b) => sign * compare(a, b) || inOrder(a, b));
}

/** The matching units whose files have errors. They have no group and no labels. */
export function selectBroken(units: readonly BrokenUnit[], { text, states, group, label }: Filter): readonly BrokenUnit[] {
  if (group !== "" || label !== "" || (states.length > 0 && !states.includes("broken"))) return [];
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return units.filter(({ id, problems }) => words.every((word) => [id, ...problems].some((one) => one.toLowerCase().includes(word))));
}

export const labelsOf = ({ labels }: Service): readonly string[] => Object.entries(labels).map(([key, value]) => `${key}=${value}`);

function holds(service: Service, word: string): boolean {
  if (word.startsWith("@")) return service.groups.some((group) => group.toLowerCase().startsWith(word.slice(1)));
  const texts = [service.id, service.name, service.description, ...labelsOf(service)];
  return texts.some((text) => text.toLowerCase().includes(word));
}

type Compare = (a: Service, b: Service) => number;

const byName: Compare = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const inFixedOrder: Compare = (a, b) => Number(b.critical) - Number(a.critical) || a.priority - b.priority || byName(a, b);
/** Compares so that the largest numbers come first. Users sort by usage to find the units with the highest usage. */
const most =
  (value: (service: Service) => number | null): Compare =>
  (a, b) =>
    (value(b) ?? -1) - (value(a) ?? -1);

const WORST_FIRST: readonly State[] = ["fatal", "failed", "backoff", "stopping", "starting", "running", "stopped"];
const HEALTH = { unhealthy: 0, degraded: 1, starting: 2, healthy: 3, unknown: 4 } as const;

const COMPARE: Readonly<Record<Exclude<Sort, "order" | "state">, Compare>> = {
  name: byName,
  health: (a, b) => HEALTH[a.health] - HEALTH[b.health],
  uptime: (a, b) => startOf(a) - startOf(b),
  restarts: most(({ restart_count }) => restart_count),
  cpu: most(({ cpu_percent }) => cpu_percent),
  memory: most(({ memory_mb }) => memory_mb),
  priority: (a, b) => a.priority - b.priority,
};

/** Returns a value that sorts the longest uptime first, and units that are not running last. */
const startOf = ({ pid, start_time }: Service): number =>
  pid === null || start_time === null ? Number.MAX_SAFE_INTEGER : Date.parse(start_time);

/** Encodes a filter for the page's address, such as `q=web&state=fatal,backoff`. Returns "" if nothing is filtered. */
export function filterToText(filter: Filter): string {
  const params = new URLSearchParams();
  if (filter.text) params.set("q", filter.text);
  if (filter.states.length > 0) params.set("state", filter.states.join(","));
  if (filter.group) params.set("group", filter.group);
  if (filter.label) params.set("label", filter.label);
  if (filter.sort !== "order") params.set("sort", `${filter.descending ? "-" : ""}${filter.sort}`);
  return params.toString();
}

export function filterFromText(text: string): Filter {
  const params = new URLSearchParams(text);
  const sort = params.get("sort") ?? "order";
  const known = SORTS.find((name) => name === sort.replace(/^-/, ""));
  return {
    text: params.get("q") ?? "",
    states: LIST_STATES.filter((state) => (params.get("state") ?? "").split(",").includes(state)),
    group: params.get("group") ?? "",
    label: params.get("label") ?? "",
    sort: known ?? "order",
    descending: known !== undefined && sort.startsWith("-"),
  };
}
