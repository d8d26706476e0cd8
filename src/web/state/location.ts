import { signal } from "@preact/signals";
import { hrefOf, parseRoute, type Route } from "../route.ts";

/** The current route. */
export const place = signal<Route>(parseRoute(location.hash));

export function watchPlace(): void {
  window.addEventListener("hashchange", () => (place.value = parseRoute(location.hash)));
}

export const go = (route: Route): void => void (location.hash = hrefOf(route));

/** Changes the address without a new entry in the browser's history. */
export function amend(route: Route): void {
  history.replaceState(null, "", hrefOf(route));
  place.value = route;
}
