import type { BrokenUnit, Service } from "../../api/contract/shapes.ts";
import { acknowledge, openAlerts } from "../state/alerts.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { unitHref } from "../route.ts";
import { clip, plain } from "../text.ts";
import { troubled, troubleOf, toneOf } from "../trouble.ts";
import { Relative } from "./marks.tsx";

const MOST_UNITS = 30;
const MOST_ALERTS = 50;

/** Shows units and alerts that need attention. The area is shown even if there are none, so that nothing below it moves. */
export function Attention({ services, broken }: { readonly services: readonly Service[]; readonly broken: readonly BrokenUnit[] }) {
  const units = troubled(services);
  const isBad = broken.length > 0 || units.some((service) => troubleOf(service) === "bad");
  return (
    <section class="rail" aria-label="What needs attention">
      <div class={`rail-units ${isBad ? "rail-bad" : ""}`} aria-live="polite">
        {units.length + broken.length === 0 ? (
          <span class="rail-well">
            <span class="dot tone-good" aria-hidden="true" /> {services.length === 0 ? "No units" : "Nothing needs attention"}
          </span>
        ) : (
          <>
            {units.slice(0, MOST_UNITS).map((service) => (
              <a key={service.id} class={`trouble tone-${toneOf(service)}`} href={unitHref(service.id)}>
                {service.critical && <span class="critical" title="critical" />}
                <b>{service.id}</b> {wordOf(service)}
              </a>
            ))}
            {broken.slice(0, MOST_UNITS).map(({ id }) => (
              <a key={id} class="trouble tone-bad" href={unitHref(id)}>
                <b>{id}</b> broken
              </a>
            ))}
            {units.length > MOST_UNITS && <span class="quiet-text">and {units.length - MOST_UNITS} more</span>}
          </>
        )}
      </div>
      <OpenAlerts />
    </section>
  );
}

function wordOf(service: Service): string {
  if (service.state === "backoff")
    return service.max_retries < 0 ? `retry ${service.retries}` : `retry ${service.retries} of ${service.max_retries}`;
  if (service.state === "running" && service.health !== "healthy" && service.health !== "unknown" && service.health !== "starting")
    return service.health;
  return service.problems.length > 0 && service.state !== "failed" && service.state !== "fatal" ? "bad file" : service.state;
}

function OpenAlerts() {
  const alerts = openAlerts.value.filter(({ acknowledged }) => !acknowledged);
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
