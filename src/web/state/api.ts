import { createClient, type Client } from "../../api/client/client.ts";
import { pathOf, routes, type RouteName } from "../../api/contract/routes.ts";

/** The address the page is served from, including a reverse proxy's path prefix. */
const base = new URL(".", document.baseURI).href.replace(/\/$/, "");

const client = createClient(
  { kind: "url", url: base, token: undefined },
  { daemonLives: () => false, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
);

let unauthorized: () => void = () => {};

export const whenUnauthorized = (action: () => void): void => void (unauthorized = action);

/** Sends a request with the session of this browser. Calls the `whenUnauthorized` callback if the session has ended. */
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

/** Whether the contract has a route. */
export const hasRoute = (method: "GET" | "POST", path: string): boolean => PATHS.get(`/api/supervisor${path}`) === method;

/** The answer of a path that this version's contract may not have yet; null if there is no answer. */
export async function requestPath<T>(path: string): Promise<T | null> {
  try {
    const response = await fetch(`${base}/api/supervisor${path}`);
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null; // the banner shows "offline"
  }
}
