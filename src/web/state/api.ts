import { createClient, type Client } from "../../api/client/client.ts";
import { pathOf, routes, type RouteName } from "../../api/contract/routes.ts";

/** Where the page is served from, with any prefix of a reverse proxy. */
const base = new URL(".", document.baseURI).href.replace(/\/$/, "");

const client = createClient(
  { kind: "url", url: base, token: undefined },
  { daemonLives: () => false, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
);

let unauthorized: () => void = () => {};

export const whenUnauthorized = (action: () => void): void => void (unauthorized = action);

/** A request with the session of this browser. When that is over, `whenUnauthorized` is called. */
export const request: Client["call"] = async (name, ...input) => {
  const answer = await client.call(name, ...input);
  if (!answer.ok && answer.error.code === "unauthorized") unauthorized();
  return answer;
};

export const urlOf = (name: RouteName, id?: string, query: Readonly<Record<string, string>> = {}): string => {
  const params = new URLSearchParams(query).toString();
  return `${base}${pathOf(routes[name], id)}${params === "" ? "" : `?${params}`}`;
};

const PATHS = new Map(Object.values(routes).map((route): [string, string] => [route.path, route.method]));

/** Whether the daemon this page came from has a route: no control is shown for one that it has not. */
export const hasRoute = (method: "GET" | "POST", path: string): boolean => PATHS.get(`/api/supervisor${path}`) === method;

/** The answer of a path that this version's contract may not have yet; null when there is none. */
export async function requestPath<T>(path: string): Promise<T | null> {
  try {
    const response = await fetch(`${base}/api/supervisor${path}`);
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null; // offline says so itself
  }
}
