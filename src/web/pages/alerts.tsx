import { useEffect, useState } from "preact/hooks";
import type { Alert } from "../../api/contract/shapes.ts";
import { fullTime, plural, shortTime } from "../format.ts";
import { Relative } from "../components/marks.tsx";
import { SearchField } from "../components/search-field.tsx";
import { unitHref } from "../route.ts";
import { acknowledge, alertsChanged, openAlerts } from "../state/alerts.ts";
import { request } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { isLive, view } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { clip, plain } from "../text.ts";
import { bare } from "../ansi.ts";
import { alertText } from "../cause.ts";
import { findService } from "../fold.ts";
import { Notifications } from "./notifications.tsx";

/** The maximum number of resolved alerts on the page. `sup alerts --all` can show more. */
const MOST_RESOLVED = 500;

export function AlertsPage() {
  const [text, setText] = useState("");
  const [severity, setSeverity] = useState("");
  const [withResolved, setWithResolved] = useState(false);
  const resolved = useResolved(withResolved);
  const matches = (alert: Alert): boolean =>
    (severity === "" || alert.severity === severity) &&
    `${alert.service_id ?? "sup"} ${alert.alert_type} ${alert.message}`.toLowerCase().includes(text.trim().toLowerCase());
  const open = openAlerts.value.filter(matches).toSorted(worstFirst);
  const unacknowledged = open.filter(({ acknowledged }) => !acknowledged);
  const past = resolved.filter(matches).slice(0, MOST_RESOLVED);
  return (
    <div class="alerts-page">
      <h1 class="visually-hidden">Alerts</h1>
      <div class="filter-bar" role="search">
        <SearchField placeholder="Filter: unit or words" label="Filter alerts by unit or words" value={text} onChange={setText} />
        <select aria-label="Filter by severity" value={severity} onChange={(event) => setSeverity(event.currentTarget.value)}>
          <option value="">Any severity</option>
          <option value="critical">critical</option>
          <option value="warning">warning</option>
          <option value="info">info</option>
        </select>
        <label class="check">
          <input type="checkbox" checked={withResolved} onChange={(event) => setWithResolved(event.currentTarget.checked)} /> Show resolved
        </label>
        <span class="shown" role="status">
          {plural(open.length, "open alert")}
        </span>
        {mayAct.value && (
          <button
            type="button"
            class="button small"
            disabled={unacknowledged.length === 0 || !isLive.value}
            onClick={() => void acknowledge(unacknowledged.map(({ id }) => id))}
          >
            Acknowledge all shown
          </button>
        )}
      </div>
      <ul class="alert-list" aria-label="Alerts">
        {open.length + past.length === 0 && <li class="empty">No {withResolved ? "" : "open "}alerts.</li>}
        {[...open, ...past].map((alert) => (
          <Row key={alert.id} alert={alert} />
        ))}
      </ul>
      <Notifications />
    </div>
  );
}

/** A unit that failed for good is as bad here as everywhere else on the page. */
const isBad = ({ severity, alert_type }: Alert): boolean => severity === "critical" || alert_type === "failed";

/** Compares so that the worst come first, and among them the newest. */
const worstFirst = (a: Alert, b: Alert): number =>
  Number(b.severity === "critical") - Number(a.severity === "critical") ||
  Number(isBad(b)) - Number(isBad(a)) ||
  b.created_at.localeCompare(a.created_at);

function Row({ alert }: { readonly alert: Alert }) {
  const { id, service_id, severity, alert_type, created_at, resolved_at, acknowledged } = alert;
  const open = resolved_at === null;
  const service = open && service_id !== null ? findService(view.value.services, service_id) : undefined;
  const tone = !open ? "quiet" : isBad(alert) ? "bad" : "warning";
  return (
    <li class={`alert ${open ? `alert-${tone}` : "alert-resolved"} ${acknowledged ? "alert-seen" : ""}`}>
      <span class="alert-severity">
        <span class={`dot tone-${tone}`} aria-hidden="true" />
        {severity}
      </span>
      <span class="alert-unit">{service_id === null ? "sup" : <a href={unitHref(service_id)}>{service_id}</a>}</span>
      <span class="alert-type quiet-text">{plain(alert_type)}</span>
      <span class="alert-message wrap">
        {alertText(alert, service)}
        {service?.last_line != null && <code>{clip(bare(service.last_line), 300).text}</code>}
      </span>
      <span class="alert-time quiet-text num" title={fullTime(created_at)}>
        {shortTime(created_at, now.value)}
        <span> · {resolved_at === null ? <Relative iso={created_at} /> : `resolved ${shortTime(resolved_at, now.value)}`}</span>
      </span>
      <span class="alert-action">
        {!open || acknowledged ? (
          <span class="quiet-text">{open ? "acknowledged" : "resolved"}</span>
        ) : (
          mayAct.value && (
            <button
              type="button"
              class="button small"
              disabled={!isLive.value}
              aria-label={`Acknowledge alert ${id} of ${service_id ?? "sup"}`}
              onClick={() => void acknowledge([id])}
            >
              Acknowledge
            </button>
          )
        )}
      </span>
    </li>
  );
}

/** Loads resolved alerts if they are shown, and again when an alert opens or resolves. */
function useResolved(wanted: boolean): readonly Alert[] {
  const [resolved, setResolved] = useState<readonly Alert[]>([]);
  const changed = alertsChanged.value;
  useEffect(() => {
    if (!wanted) return setResolved([]);
    let gone = false;
    void request("alerts", { open: false }).then((answer) => {
      if (!gone && answer.ok) setResolved(answer.value.filter(({ resolved_at }) => resolved_at !== null));
    });
    return () => void (gone = true);
  }, [wanted, changed]);
  return resolved;
}
