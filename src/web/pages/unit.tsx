import type { Service, Why } from "../../api/contract/shapes.ts";
import { logsHref, TABS, unitHref, type Tab } from "../route.ts";
import { BrokenPage } from "../components/broken-unit.tsx";
import { Dot, HealthMark, Since, StateMark } from "../components/marks.tsx";
import { Lazy } from "../components/lazy.tsx";
import { findService } from "../fold.ts";
import { request } from "../state/api.ts";
import { troubleNow } from "../state/around.ts";
import { view } from "../state/live.ts";
import { place } from "../state/location.ts";
import { useRequest, type Requested } from "../state/use-request.ts";
import { clip, plain } from "../text.ts";
import { Actions } from "../unit/actions.tsx";
import { Dependencies } from "../unit/dependencies.tsx";
import { Facts } from "../unit/facts.tsx";
import { Health } from "../unit/health.tsx";
import { LogView } from "../unit/log-view.tsx";
import { Rollout } from "../unit/rollout.tsx";
import { Processes } from "../unit/processes.tsx";
import { Verdict } from "../unit/verdict.tsx";
import { nextOf, Why as History } from "../unit/why.tsx";

const TITLES: Readonly<Record<Tab, string>> = {
  overview: "Overview",
  logs: "Logs",
  charts: "Charts",
  compare: "Compare",
  events: "Events",
  file: "Unit file",
};

/** Shows the unit in the page's address. */
export function CurrentUnit() {
  const route = place.value;
  return route.page === "unit" ? <UnitPage key={route.id} id={route.id} tab={route.tab} /> : null;
}

function UnitPage({ id, tab }: { readonly id: string; readonly tab: Tab }) {
  const service = findService(view.value.services, id);
  const broken = view.value.broken.find((unit) => unit.id === id);
  if (service === undefined) return broken === undefined ? <Unknown id={id} /> : <BrokenPage unit={broken} />;
  if (service.units !== undefined) return <ServicePage service={service} />;
  return <SingleUnit service={service} tab={tab} />;
}

function SingleUnit({ service, tab }: { readonly service: Service; readonly tab: Tab }) {
  const { id } = service;
  const why = useRequest(id, () => request("why", { id }));
  return (
    <div class="unit-page">
      <div class="unit-top">
        <UnitTitle service={service} />
        <Actions service={service} />
        <Verdict service={service} next={why.value === null ? null : nextOf(service, why.value)} />
        <nav class="tabs" aria-label={`Views of ${id}`}>
          {TABS.map((one) => (
            <a key={one} href={unitHref(id, one)} aria-current={one === tab ? "page" : undefined}>
              {TITLES[one]}
            </a>
          ))}
        </nav>
      </div>
      <Part service={service} tab={tab} why={why} />
    </div>
  );
}

/** Shows a service with several units. All other information is on the pages of the units. */
function ServicePage({ service }: { readonly service: Service }) {
  return (
    <div class="unit-page">
      <div class="unit-top">
        <UnitTitle service={service} />
        <Actions service={service} />
        <Verdict service={service} next={null} />
      </div>
      <section class="card area-facts" aria-label="Units">
        <div class="card-head">
          <p>{service.sub_state}</p>
          <a href={logsHref(service)}>Logs of all units</a>
        </div>
        <ul class="unit-list links">
          {(service.units ?? []).map((id) => {
            const unit = view.value.services.get(id);
            return (
              unit && (
                <li key={id}>
                  <Dot service={unit} />
                  <a class="unit-link" href={unitHref(id)}>
                    {id}
                  </a>
                  <StateMark service={unit} />
                </li>
              )
            );
          })}
        </ul>
      </section>
      <Rollout service={service.id} />
      <Files id={service.id} />
    </div>
  );
}

function UnitTitle({ service }: { readonly service: Service }) {
  return (
    <div class="unit-title">
      <h1>
        <Dot service={service} />
        <span class="wrap">{service.id}</span>
        {service.critical && <span class="mark tone-bad">critical</span>}
      </h1>
      <StateMark service={service} />
      {service.health !== "unknown" && <HealthMark health={service.health} />}
      {service.state_since !== null && (
        <span class="quiet-text nowrap">
          for <Since iso={service.state_since} />
        </span>
      )}
      {(service.name !== service.id || service.description !== "") && (
        <p class="unit-description">
          {service.name !== service.id && <b>{plain(clip(service.name, 200).text)} </b>}
          {plain(clip(service.description, 1000).text)}
        </p>
      )}
    </div>
  );
}

function Part({ service, tab, why }: { readonly service: Service; readonly tab: Tab; readonly why: Requested<Why> }) {
  const { id } = service;
  if (tab === "logs") return <LogView scope={id} full />;
  if (tab === "events") return <Lazy key="events" what="the events" load={eventsOf(id)} />;
  if (tab === "file") return <Files id={id} />;
  if (tab === "compare") return <Lazy key="compare" what="the comparison" load={compareOf(id)} />;
  if (tab === "charts") return <Lazy key="charts" what="the charts" load={chartsOf(id, "full")} />;
  // What happened is the most important part for a unit that is down.
  const isDown = service.pid === null && (troubleNow(service) !== "none" || service.state === "stopped");
  const facts = (
    <section key="facts" class="card area-facts" aria-label="Status">
      <Facts service={service} />
    </section>
  );
  return (
    <div class={`unit-grid ${isDown ? "is-down" : ""}`}>
      <div class="unit-column">
        {!isDown && facts}
        {service.pid !== null && (
          <section key="processes" class="card area-processes" aria-label="Processes">
            <Processes service={service} />
          </section>
        )}
        <section key="why" class="card area-why" aria-label="Why">
          <History service={service} value={why.value} problem={why.problem} />
        </section>
        {isDown && facts}
        <section key="deps" class="card area-deps" aria-label="Dependencies">
          <Dependencies service={service} />
        </section>
      </div>
      <div class="unit-column">
        <section class="card area-log" aria-label="Last lines of the log">
          <LogView scope={id} />
        </section>
        <section class="card area-charts" aria-label="Usage over time">
          <Lazy what="the charts" load={chartsOf(id, "small")} />
        </section>
        <section class="card area-health" aria-label="Health">
          <Health service={service} />
        </section>
      </div>
    </div>
  );
}

const chartsOf = (id: string, size: "small" | "full") => async () => {
  const { UnitCharts } = await import("../charts/unit-charts.tsx");
  return () => <UnitCharts id={id} size={size} />;
};

const Files = ({ id }: { readonly id: string }) => (
  <Lazy
    key="file"
    what="the unit file"
    load={async () => {
      const { UnitFiles } = await import("../unit/file.tsx");
      return () => <UnitFiles id={id} />;
    }}
  />
);

const eventsOf = (id: string) => async () => {
  const { UnitEvents } = await import("./events.tsx");
  return () => <UnitEvents id={id} />;
};

const compareOf = (id: string) => async () => {
  const { ComparePage } = await import("../compare/page.tsx");
  return () => <ComparePage id={id} />;
};

const Unknown = ({ id }: { readonly id: string }) => (
  <div class="empty">
    <h1>There is no unit {plain(clip(id, 100).text)}</h1>
    <p>
      It was removed, or never existed. <a href="#/">All units</a>
    </p>
  </div>
);
