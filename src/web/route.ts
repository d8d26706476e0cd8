/** The views of the page. The part of the address behind the # encodes them. */
export type Route =
  | { readonly page: "units"; readonly filter: string }
  | { readonly page: "unit"; readonly id: string; readonly tab: Tab }
  /** `units` are names, globs and @groups. None means all units. */
  | { readonly page: "logs"; readonly units: readonly string[] }
  | { readonly page: "graph" | "events" | "alerts" | "new" }
  | { readonly page: "sign-in"; readonly code: string | null };

export const TABS = ["overview", "logs", "charts", "compare", "events", "file"] as const;
export type Tab = (typeof TABS)[number];

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const [page, ...rest] = path.split("/").filter(Boolean).map(decode);
  if (page === "graph" || page === "events" || page === "alerts" || page === "new") return { page };
  if (page === "logs") return { page, units: (new URLSearchParams(query).get("units") ?? "").split(",").filter(Boolean) };
  if (page === "sign-in") return { page, code: rest[0] ?? null };
  if (page === "unit" && rest[0]) return { page, id: rest[0], tab: TABS.find((tab) => tab === rest[1]) ?? "overview" };
  return { page: "units", filter: query };
}

export function hrefOf(route: Route): string {
  switch (route.page) {
    case "units":
      return route.filter === "" ? "#/" : `#/?${route.filter}`;
    case "unit":
      return `#/unit/${encodeURIComponent(route.id)}${route.tab === "overview" ? "" : `/${route.tab}`}`;
    case "logs":
      return route.units.length === 0 ? "#/logs" : `#/logs?units=${route.units.map(encodeURIComponent).join(",")}`;
    case "sign-in":
      return "#/sign-in";
    case "graph":
    case "events":
    case "alerts":
    case "new":
      return `#/${route.page}`;
  }
}

/** The address of the logs of a unit, or of the units of a service. */
export const logsHref = (service: { readonly id: string; readonly units?: readonly string[] | undefined }): string =>
  service.units === undefined ? unitHref(service.id, "logs") : hrefOf({ page: "logs", units: [service.id] });

export const unitHref = (id: string, tab: Tab = "overview"): string => hrefOf({ page: "unit", id, tab });

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // the user may have typed a malformed address, which then matches no unit
  }
}
