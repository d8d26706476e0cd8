import type { Service } from "../../api/contract/shapes.ts";
import { Dot, StateMark } from "../components/marks.tsx";
import { unitHref } from "../route.ts";
import { view } from "../state/live.ts";

/** Shows the unit's dependencies and dependents with their current state. */
export function Dependencies({ service }: { readonly service: Service }) {
  const { services } = view.value;
  const needs = service.dependencies;
  const neededBy = [...services.values()].flatMap((other) =>
    other.dependencies.filter(({ unit }) => unit === service.id).map((dependency) => ({ ...dependency, unit: other.id })),
  );
  return (
    <>
      <div class="card-head">
        <h2>Needs</h2>
        <a href="#/graph">Graph</a>
      </div>
      <Links links={needs} none="No dependencies." />
      <h2>Needed by</h2>
      <Links links={neededBy} none="No dependents." />
    </>
  );
}

function Links({ links, none }: { readonly links: Service["dependencies"]; readonly none: string }) {
  if (links.length === 0) return <p class="quiet-text">{none}</p>;
  return (
    <ul class="links">
      {links.map(({ unit, condition, required, restart }) => {
        const other = view.value.services.get(unit);
        return (
          <li key={unit}>
            {other && <Dot service={other} />}
            <a href={unitHref(unit)}>{unit}</a>
            {other && <StateMark service={other} />}
            <span class="quiet-text">
              {condition}
              {!required && ", order only"}
              {restart && ", restarts together"}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
