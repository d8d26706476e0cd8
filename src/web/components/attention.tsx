import { useState } from "preact/hooks";
import type { Alert, BrokenUnit, Service } from "../../api/contract/shapes.ts";
import { causeOf, causeText, firstProblem } from "../cause.ts";
import { plural } from "../format.ts";
import { useNarrow } from "../narrow.ts";
import { acknowledge, openAlerts } from "../state/alerts.ts";
import { now } from "../state/clock.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { unitHref } from "../route.ts";
import { clip, plain } from "../text.ts";
import { isCriticalTrouble, troubled, troubleOf } from "../trouble.ts";
import { Dot, Relative } from "./marks.tsx";

/** The number of lines in the area. If there are more units, the last line says how many. */
const LINES = 3;
const MOST_UNITS = 100;
const MOST_ALERTS = 50;

interface Props {
  readonly services: readonly Service[];
  readonly broken: readonly BrokenUnit[];
}

/** Shows units and alerts that need attention. The area is shown even if there are none, so that nothing below it moves. */
export function Attention({ services, broken }: Props) {
  const isNarrow = useNarrow();
  const [whole, setWhole] = useState(false);
  const units = troubled(services);
  const lines = [...units.filter(isBad), ...broken, ...units.filter((service) => !isBad(service))];
  const few = isNarrow ? 1 : lines.length > LINES ? LINES - 1 : LINES;
  const shown = whole ? lines.slice(0, MOST_UNITS) : lines.slice(0, few);
  const alerts = openAlerts.value.filter(({ acknowledged }) => !acknowledged);
  const hidden = isNarrow ? [moreUnits(lines.length - shown.length, shown.length), moreAlerts(alerts.length)].filter(Boolean).join(", ") : moreUnits(lines.length - shown.length, 1); // prettier-ignore
  const isWell = lines.length === 0 && !(isNarrow && alerts.length > 0);
  return (
    <section class={`rail ${isNarrow ? "rail-narrow" : ""}`} aria-label="What needs attention">
      <div class={`rail-units ${broken.length > 0 || units.some(isBad) ? "rail-bad" : ""} ${whole ? "rail-whole" : ""}`} aria-live="polite">
        {isWell && (
          <span class="rail-well">
            <span class="dot tone-good" aria-hidden="true" /> {services.length === 0 ? "No units" : "Nothing needs attention"}
          </span>
        )}
        <ul>
          {shown.map((unit) => (isService(unit) ? <Trouble key={unit.id} service={unit} /> : <BrokenTrouble key={unit.id} unit={unit} />))}
        </ul>
        {(hidden !== "" || whole) && (
          <button type="button" class="more" aria-expanded={whole} onClick={() => setWhole(!whole)}>
            {whole ? "Show fewer" : hidden}
          </button>
        )}
      </div>
      {(!isNarrow || whole) && <OpenAlerts alerts={alerts} />}
    </section>
  );
}

const isBad = (service: Service): boolean => troubleOf(service) === "bad";

const moreUnits = (count: number, shown: number): string => (count === 0 ? "" : shown === 0 ? plural(count, "unit") : `+${count} more`);
const moreAlerts = (count: number): string => (count === 0 ? "" : plural(count, "alert"));

const isService = (unit: Service | BrokenUnit): unit is Service => "state" in unit;

function Trouble({ service }: { readonly service: Service }) {
  const cause = causeOf(service, now.value);
  const { evidence } = cause;
  const text = causeText(cause);
  return (
    <li class={`trouble tone-${troubleOf(service)}`}>
      <Dot service={service} />
      <a href={unitHref(service.id)}>{service.id}</a>
      {isCriticalTrouble(service) && <span class="severity">critical</span>}
      <span class="trouble-text" title={evidence === null ? text : `${text}: ${evidence}`}>
        {text}
        {evidence !== null && <code>{evidence}</code>}
      </span>
    </li>
  );
}

const BrokenTrouble = ({ unit }: { readonly unit: BrokenUnit }) => (
  <li class="trouble tone-bad">
    <span class="dot" aria-hidden="true" />
    <a href={unitHref(unit.id)}>{unit.id}</a>
    <span class="trouble-text" title={firstProblem(unit)}>
      broken file
      <code>{firstProblem(unit)}</code>
    </span>
  </li>
);

function OpenAlerts({ alerts }: { readonly alerts: readonly Alert[] }) {
  return (
    <div class="rail-alerts">
      {alerts.length === 0 ? (
        <span class="quiet-text">{openAlerts.value.length > 0 ? `${openAlerts.value.length} acknowledged alerts` : "No open alerts"}</span>
      ) : (
        <ul>
          {alerts.slice(0, MOST_ALERTS).map((alert) => (
            <li key={alert.id}>
              <span class={`dot tone-${alert.severity === "critical" ? "bad" : "warning"}`} aria-hidden="true" />
              <span class="alert-severity">{alert.severity}</span>
              {alert.service_id !== null && <a href={unitHref(alert.service_id)}>{alert.service_id}</a>}
              <span class="alert-message" title={plain(alert.message)}>
                {plain(clip(alert.message, 300).text)}
              </span>
              <span class="quiet-text nowrap">
                <Relative iso={alert.created_at} />
              </span>
              {mayAct.value && (
                <button
                  type="button"
                  class="button quiet small"
                  disabled={!isLive.value}
                  aria-label={`Ack alert ${alert.id} of ${alert.service_id ?? "sup"}`}
                  onClick={() => void acknowledge([alert.id])}
                >
                  Ack
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
