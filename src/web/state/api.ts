import { createClient, type Client } from "../../api/client/client.ts";
import { pathOf, routes, type RouteName } from "../../api/contract/routes.ts";

/** The address from which the page was loaded. It contains a reverse proxy's path prefix. */
const base = new URL(".", document.baseURI).href.replace(/\/$/, "");

/** Returns a client that sends this token, or that uses the browser's session if it is undefined. */
export const clientWith = (token: string | undefined): Client =>
  createClient(
    { kind: "url", url: base, token },
    { daemonLives: () => false, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
  );

const client = clientWith(undefined);

let unauthorized: () => void = () => {};

export const whenUnauthorized = (action: () => void): void => void (unauthorized = action);

/**
 * Sends a request in the browser's session. If the session has ended, also calls the callback that was passed to
 * `whenUnauthorized`.
 */
export const request: Client["call"] = async (name, ...input) => {
  const answer = await client.call(name, ...input);
  if (!answer.ok && answer.error.code === "unauthorized") unauthorized();
  return answer;
};

export const urlOf = (name: RouteName, id?: string, query: Readonly<Record<string, string>> = {}): string => {
  const params = new URLSearchParams(query).toString();
  return `${base}${pathOf(routes[name], id)}${params === "" ? "" : `?${params}`}`;
};
