import { computed } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { LogView } from "../unit/log-view.tsx";
import { view } from "../state/live.ts";
import { amend, place } from "../state/location.ts";
import { matchesPattern } from "./patterns.ts";

const SETTLE_MS = 400;

/** Shows the logs of several units or of all, merged by time. The page's address contains the selection. */
export function LogsPage() {
  const route = place.value;
  const units = route.page === "logs" ? route.units : [];
  const [text, setText] = useState(units.join(" "));
  const wanted = patternsOf(text);
  const names = nameList.value.split(" ");
  const known = [...view.peek().services.values()];
  const unknown = wanted.filter((pattern) => !known.some((service) => matchesPattern(service, pattern)));
  const key = wanted.join(" ");
  // Follows the address, but keeps a space at the end of the text, after which the user types the next name.
  useEffect(() => {
    if (units.join(" ") !== key) setText(units.join(" "));
  }, [units.join(" ")]);
  useEffect(() => {
    if (unknown.length > 0 || key === units.join(" ")) return;
    const timer = setTimeout(() => amend({ page: "logs", units: wanted }), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [key, unknown.length]);
  return (
    <div class="logs-page">
      <h1 class="visually-hidden">Logs</h1>
      <LogView scope={units} full>
        <input
          type="search"
          class="search log-units"
          list="log-unit-names"
          placeholder="All units; or names, web*, @group"
          aria-label="Units: names, globs and groups, separated by spaces; empty means all"
          aria-invalid={unknown.length > 0}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <datalist id="log-unit-names">
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {unknown.length > 0 && (
          <span class="problem" role="status">
            no unit matches {unknown[0]}
          </span>
        )}
      </LogView>
    </div>
  );
}

const patternsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** The names of units, services and groups. It is a string, so that the page is not drawn again when only figures change. */
const nameList = computed(() => {
  const services = [...view.value.services.values()];
  const names = services.flatMap(({ id, service, groups }) => [id, service ?? id, ...groups.map((group) => `@${group}`)]);
  return [...new Set(names)].toSorted().join(" ");
});
