import type { Service } from "../../api/contract/shapes.ts";
import { isNarrowed, labelsOf, LIST_STATES, NO_FILTER, SORTS, type Filter, type ListState, type Sort } from "../filter.ts";
import { plural } from "../format.ts";
import { mayAct } from "../state/session.ts";
import { plain } from "../text.ts";
import { countStates, toneOfState } from "../trouble.ts";
import { SearchField } from "./search-field.tsx";

interface Props {
  readonly services: readonly Service[];
  /** The number of units whose files have errors. */
  readonly broken: number;
  readonly shown: number;
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
}

/** Shows the filters. States without units have no button, unless the filter contains them. */
export function FilterBar({ services, broken, shown, filter, onChange }: Props) {
  const unhealthy = services.filter(({ health }) => health === "unhealthy").length;
  const counts: Readonly<Record<ListState, number>> = { ...countStates(services), unhealthy, broken };
  const total = services.length + broken;
  const states = LIST_STATES.filter((state) => counts[state] > 0 || filter.states.includes(state));
  const toggle = (state: ListState): void => {
    const states = filter.states.includes(state) ? filter.states.filter((one) => one !== state) : [...filter.states, state];
    onChange({ ...filter, states });
  };
  return (
    <div class="filter-bar filter-units" role="search">
      <SearchField
        placeholder="Filter: name, @group, key=value"
        label="Filter units by text, @group or key=value"
        value={filter.text}
        onChange={(text) => onChange({ ...filter, text })}
      />
      <div class="states" role="group" aria-label="Filter by state">
        {states.map((state) => (
          <button
            key={state}
            type="button"
            class={`chip tone-${state === "broken" || state === "unhealthy" ? "bad" : toneOfState(state)}`}
            aria-pressed={filter.states.includes(state)}
            onClick={() => toggle(state)}
          >
            <b>{counts[state]}</b> {state}
          </button>
        ))}
      </div>
      <Choice label="Group" options={groupsOf(services)} value={filter.group} onChange={(group) => onChange({ ...filter, group })} />
      <Choice label="Label" options={allLabels(services)} value={filter.label} onChange={(label) => onChange({ ...filter, label })} />
      <select
        class="narrow-only"
        aria-label="Sort by"
        value={filter.sort}
        onChange={(event) => onChange({ ...filter, sort: event.currentTarget.value as Sort, descending: false })}
      >
        {SORTS.map((sort) => (
          <option key={sort} value={sort}>
            {sort === "order" ? "Usual order" : `By ${sort}`}
          </option>
        ))}
      </select>
      <span class="shown" role="status">
        {isNarrowed(filter) ? `${shown} of ${total}` : plural(total, "unit")}
      </span>
      <button
        type="button"
        class="button quiet small"
        disabled={!isNarrowed(filter)}
        onClick={() => onChange({ ...NO_FILTER, sort: filter.sort, descending: filter.descending })}
      >
        Clear
      </button>
      {mayAct.value && (
        <a class="button quiet small wide-only" href="#/new">
          New unit
        </a>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly options: readonly string[];
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Choice({ label, options, value, onChange }: ChoiceProps) {
  if (options.length === 0 && value === "") return null;
  const known = options.includes(value) || value === "" ? options : [value, ...options];
  return (
    <select aria-label={`Filter by ${label.toLowerCase()}`} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">Any {label.toLowerCase()}</option>
      {known.map((option) => (
        <option key={option} value={option}>
          {plain(option)}
        </option>
      ))}
    </select>
  );
}

const groupsOf = (services: readonly Service[]): readonly string[] => [...new Set(services.flatMap(({ groups }) => groups))].toSorted();
const allLabels = (services: readonly Service[]): readonly string[] => [...new Set(services.flatMap(labelsOf))].toSorted();
