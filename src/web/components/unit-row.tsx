import type { Service } from "../../api/contract/shapes.ts";
import type { Scales } from "../columns.ts";
import type { Filter, Sort } from "../filter.ts";
import type { FoldRow } from "../fold.ts";
import { causeOf, causeText } from "../cause.ts";
import { fullTime, mebibytes, NONE, percent } from "../format.ts";
import { unitHref } from "../route.ts";
import { around, troubleNow } from "../state/around.ts";
import { now } from "../state/clock.ts";
import { useOf } from "../state/samples.ts";
import { clearSelection, selectAll, selection, toggleSelected } from "../state/selection.ts";
import { mayAct } from "../state/session.ts";
import { clip, plain } from "../text.ts";
import { Dot, Due, HealthMark, Since, StateMark } from "./marks.tsx";
import { useNarrow } from "../narrow.ts";
import { RowActions } from "./row-actions.tsx";
import { Spark } from "./sparkline.tsx";

export const HEAD_HEIGHT = 32;
const ROW_HEIGHT = 38;
const NARROW_ROW_HEIGHT = 62;

/** Returns the height of a row in pixels. On a narrow screen a row has two lines. */
export const useRowHeight = (): number => (useNarrow() ? NARROW_ROW_HEIGHT : ROW_HEIGHT);

const COLUMNS: ReadonlyArray<{ readonly title: string; readonly class: string; readonly sort?: Sort }> = [
  { title: "Unit", class: "c-name", sort: "name" },
  { title: "State", class: "c-state", sort: "state" },
  { title: "Health", class: "c-health", sort: "health" },
  { title: "Uptime", class: "c-uptime num", sort: "uptime" },
  { title: "Restarts", class: "c-restarts num", sort: "restarts" },
  { title: "CPU", class: "c-cpu num", sort: "cpu" },
  { title: "Memory", class: "c-memory num", sort: "memory" },
  { title: "Priority", class: "c-priority num", sort: "priority" },
];

interface HeadProps {
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
  readonly hidden: ReadonlySet<string>;
  /** The ids of all rows that can be selected. */
  readonly ids: readonly string[];
}

export function UnitHead({ filter, onChange, hidden, ids }: HeadProps) {
  const all = ids.length > 0 && ids.every((id) => selection.value.has(id));
  return (
    <div class="row row-head" role="row" aria-rowindex={1} style={{ height: `${HEAD_HEIGHT}px` }}>
      <span class="c-select" role="columnheader">
        {mayAct.value && (
          <input
            type="checkbox"
            aria-label="Select all shown units"
            checked={all}
            onChange={() => (all ? clearSelection() : selectAll(ids))}
          />
        )}
      </span>
      {COLUMNS.filter(({ title }) => !hidden.has(title)).map(({ title, class: column, sort }) => (
        <span key={title} class={column} role="columnheader" aria-sort={sortOf(filter, sort)}>
          {sort ? (
            <button type="button" class="sort" onClick={() => onChange(next(filter, sort))}>
              {title}
              <span class="sort-mark" aria-hidden="true">
                {filter.sort === sort ? (filter.descending ? "▴" : "▾") : ""}
              </span>
            </button>
          ) : (
            title
          )}
        </span>
      ))}
      <span class="c-actions" role="columnheader">
        <span class="visually-hidden">Actions</span>
      </span>
    </div>
  );
}

const sortOf = (filter: Filter, sort: Sort | undefined) =>
  sort === undefined || filter.sort !== sort ? "none" : filter.descending ? "descending" : "ascending";

/**
 * Returns the filter after a click on a column title. Repeated clicks sort by that column, reverse the order, and restore the
 * default order.
 */
function next(filter: Filter, sort: Sort): Filter {
  if (filter.sort !== sort) return { ...filter, sort, descending: false };
  return filter.descending ? { ...filter, sort: "order", descending: false } : { ...filter, descending: true };
}

interface CellsProps {
  readonly service: Service;
  readonly fold: FoldRow["fold"];
  readonly hidden: ReadonlySet<string>;
  readonly scales: Scales;
  /** True if the reason of a trouble replaces the figures, because the screen is narrow. */
  readonly isNarrow: boolean;
}

export function UnitCells({ service, fold, hidden, scales, isNarrow }: CellsProps) {
  const isService = fold === "open" || fold === "closed";
  // On a narrow screen the second line has figures only if there are any.
  const hasFigures = !isNarrow || (troubleNow(service) === "none" && isRunning(service, isService));
  return (
    <>
      <SelectCell id={service.id} />
      <span class="c-name" role="gridcell">
        {isService && (
          <span class="fold-mark" aria-hidden="true">
            {fold === "open" ? "▾" : "▸"}
          </span>
        )}
        <Dot service={service} />
        <a class="unit-link" href={unitHref(service.id)} tabIndex={-1}>
          {service.id}
        </a>
        {isService && <span class="mark">{service.sub_state}</span>}
        {service.critical && (
          <span class="critical" title="critical">
            <span class="visually-hidden">critical</span>
          </span>
        )}
        <Marks service={service} />
        {hasFigures && <About service={service} />}
      </span>
      <span class="c-state" role="gridcell">
        <StateMark service={service} />
      </span>
      {hasFigures ? (
        <Figures service={service} isUp={isRunning(service, isService)} hidden={hidden} scales={scales} />
      ) : (
        <span class="c-problem" role="gridcell">
          <About service={service} />
        </span>
      )}
      <RowActions service={service} />
    </>
  );
}

const isRunning = ({ pid, start_time }: Service, isService: boolean): boolean => pid !== null || (isService && start_time !== null);

interface FiguresProps extends Pick<CellsProps, "service" | "hidden" | "scales"> {
  readonly isUp: boolean;
}

function Figures({ service, isUp, hidden, scales }: FiguresProps) {
  const use = useOf(service.id).value;
  return (
    <>
      {!hidden.has("Health") && (
        <span class="c-health" role="gridcell">
          <HealthMark health={service.health} />
        </span>
      )}
      <span class="c-uptime num" role="gridcell">
        {isUp ? <Since iso={service.start_time} /> : NONE}
      </span>
      <span class={`c-restarts num ${service.restart_count > 0 ? "" : "quiet-text"}`} role="gridcell">
        {service.restart_count}
      </span>
      <span class="c-cpu num" role="gridcell">
        <Spark samples={use.cpu} least={scales.cpu} tone="cpu" limit={maxOf(service, "cpu")} />
        <span class="figure">{percent(service.cpu_percent)}</span>
      </span>
      <span class="c-memory num" role="gridcell">
        <Spark samples={use.memory} least={scales.memory} tone="memory" limit={maxOf(service, "memory")} />
        <span class="figure">{mebibytes(service.memory_mb)}</span>
      </span>
      {!hidden.has("Priority") && (
        <span class="c-priority num quiet-text" role="gridcell">
          {service.priority}
        </span>
      )}
    </>
  );
}

/** Returns the limit if the unit exceeds it, and otherwise null. */
const maxOf = ({ over_limits = [] }: Service, limit: "cpu" | "memory"): number | null =>
  over_limits.find((over) => over.limit === limit)?.max ?? null;

export const SelectCell = ({ id }: { readonly id: string | null }) => (
  <span class="c-select" role="gridcell">
    {id !== null && mayAct.value && (
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={`Select ${id}`}
        checked={selection.value.has(id)}
        onChange={() => toggleSelected(id)}
      />
    )}
  </span>
);

/** Says why a unit is in trouble, or else when it runs next and what it is. */
function About({ service }: { readonly service: Service }) {
  if (troubleNow(service) !== "none" && service.problems.length === 0) return <Reason service={service} />;
  const next = service.schedule?.next_run ?? null;
  return (
    <>
      {next !== null && (
        <span class="next-run" title={fullTime(next)}>
          next run <Due iso={next} />
        </span>
      )}
      <span class="description" title={plain(service.description)}>
        {plain(clip(service.description, 200).text)}
      </span>
    </>
  );
}

function Reason({ service }: { readonly service: Service }) {
  const cause = causeOf(service, around.value, now.value);
  const { what, evidence } = cause;
  return (
    <span class={`description tone-${troubleNow(service)}`} title={`${causeText(cause)}${evidence === null ? "" : `: ${evidence}`}`}>
      {evidence === null
        ? service.over_limits === undefined
          ? causeText(cause)
          : what
        : what.includes(": ")
          ? `${what} (${evidence})`
          : `${what}: ${evidence}`}
    </span>
  );
}

/** Shows conditions other than the state as labels. */
function Marks({ service }: { readonly service: Service }) {
  return (
    <>
      {service.problems.length > 0 && (
        <span class="mark tone-bad" title={plain(service.problems.join("\n"))}>
          file has errors
        </span>
      )}
      {service.changed_on_disk && service.problems.length === 0 && (
        <span class="mark tone-warning" title="The file on disk differs from the running version">
          changed on disk
        </span>
      )}
      {service.waiting_for.length > 0 && troubleNow(service) === "none" && (
        <span class="mark tone-busy">waiting for {service.waiting_for.join(", ")}</span>
      )}
      {shownGroups(service).map((group) => (
        <span key={group} class="mark mark-group">
          @{plain(group)}
        </span>
      ))}
    </>
  );
}

/** A row in trouble has no groups, so that there is space for the reason. */
const shownGroups = (service: Service): readonly string[] => (troubleNow(service) === "none" ? service.groups.slice(0, 2) : []);
