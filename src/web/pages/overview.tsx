import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { serviceRows } from "../../api/contract/service-rows.ts";
import type { BrokenUnit, Service } from "../../api/contract/shapes.ts";
import { emptyColumns, scalesOf } from "../columns.ts";
import { filterFromText, filterToText, isNarrowed, select, selectBroken, type Filter } from "../filter.ts";
import { foldRows, type FoldRow } from "../fold.ts";
import { plural } from "../format.ts";
import { BrokenCells } from "../components/broken-unit.tsx";
import { DaemonNotes } from "../components/banner.tsx";
import { FilterBar } from "../components/filter-bar.tsx";
import { Attention } from "../components/attention.tsx";
import { SelectionBar } from "../components/row-actions.tsx";
import { HEAD_HEIGHT, UnitCells, UnitHead, useRowHeight } from "../components/unit-row.tsx";
import { VirtualList } from "../components/virtual-list.tsx";
import { useNarrow } from "../narrow.ts";
import { unitHref } from "../route.ts";
import { view } from "../state/live.ts";
import { toggleSelected } from "../state/selection.ts";
import { mayAct } from "../state/session.ts";
import { amend } from "../state/location.ts";
import { troubleNow } from "../state/around.ts";

/** The services whose units are shown. A filter shows all matching units. */
const opened = signal<ReadonlySet<string>>(new Set());

function toggle(service: string): void {
  const next = new Set(opened.value);
  if (!next.delete(service)) next.add(service);
  opened.value = next;
}

const services = computed(() => [...view.value.services.values()]);

export function OverviewPage({ query }: { readonly query: string }) {
  const filter = filterFromText(query);
  const setFilter = (next: Filter): void => amend({ page: "units", filter: filterToText(next) });
  const isNarrow = useNarrow();
  const rowHeight = useRowHeight();
  const all = services.value;
  // A unit can be in both lists for a moment, because the stream reports a fixed file after its service.
  const broken = view.value.broken.filter(({ id }) => !view.value.services.has(id));
  const shownBroken = selectBroken(broken, filter);
  const shown = select(all, filter, troubleNow);
  const rows: ReadonlyArray<BrokenUnit | FoldRow> = [
    ...shownBroken,
    ...foldRows(shown, (service) => isNarrowed(filter) || opened.value.has(service)),
  ];
  const hidden = emptyColumns(all);
  const scales = scalesOf(all);
  const ids = rows.flatMap((row) => (isFold(row) ? [row.service.id] : []));
  useClearByEscape(filter, setFilter);
  return (
    <div class="overview">
      <h1 class="visually-hidden">Units</h1>
      <Attention services={all} broken={broken} />
      <FilterBar services={all} broken={broken.length} shown={shown.length + shownBroken.length} filter={filter} onChange={setFilter} />
      <DaemonNotes />
      <VirtualList
        label={plural(all.length + broken.length, "unit")}
        class={`units ${[...hidden].map((title) => `no-${title.toLowerCase()}`).join(" ")}`}
        items={rows}
        rowHeight={rowHeight}
        headHeight={isNarrow ? 0 : HEAD_HEIGHT}
        keyOf={(row) => (isFold(row) ? row.service.id : row.id)}
        open={(row) => {
          if (isFold(row) && (row.fold === "open" || row.fold === "closed")) toggle(row.service.id);
          else location.hash = unitHref(isFold(row) ? row.service.id : row.id);
        }}
        mark={(row) => isFold(row) && mayAct.value && toggleSelected(row.service.id)}
        rowClass={(row) =>
          isFold(row) ? `trouble-${troubleNow(row.service)} is-${row.service.state} fold-${row.fold}` : "trouble-bad is-broken"
        }
        row={(row) =>
          isFold(row) ? (
            <UnitCells service={row.service} fold={row.fold} hidden={hidden} scales={scales} isNarrow={isNarrow} />
          ) : (
            <BrokenCells unit={row} />
          )
        }
        head={!isNarrow && <UnitHead filter={filter} onChange={setFilter} hidden={hidden} ids={ids} />}
        empty={isNarrowed(filter) ? "No unit matches the filter." : <NoUnits />}
      />
      <SelectionBar services={selectable(all)} />
    </div>
  );
}

/** Returns the units, and the totals of the services with several units. */
const selectable = (units: readonly Service[]): readonly Service[] =>
  serviceRows(units).flatMap(({ service, units: inner }) => [service, ...inner]);

const isFold = (row: FoldRow | BrokenUnit): row is FoldRow => "fold" in row;

function NoUnits() {
  const path = view.value.daemon?.unit_path[0] ?? "the unit directory";
  return (
    <>
      <p>
        There are no units yet. Add a file <code>NAME.unit.json</code> to <code>{path}</code>.
      </p>
      {mayAct.value && (
        <a class="button primary" href="#/new">
          Create a sample unit
        </a>
      )}
    </>
  );
}

function useClearByEscape(filter: Filter, setFilter: (filter: Filter) => void): void {
  const clear = useRef(() => {});
  clear.current = () => isNarrowed(filter) && setFilter({ ...filter, text: "", states: [], group: "", label: "" });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) clear.current();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
