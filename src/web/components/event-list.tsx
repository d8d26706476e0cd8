import { useState } from "preact/hooks";
import type { Event } from "../../api/contract/shapes.ts";
import { fullTime, shortTime } from "../format.ts";
import { unitHref } from "../route.ts";
import { now } from "../state/clock.ts";
import { clip, plain } from "../text.ts";
import type { Tone } from "../trouble.ts";
import { Dialog } from "./dialog.tsx";
import { VirtualList } from "./virtual-list.tsx";
import { useRowHeight } from "./unit-row.tsx";

const LINE = 30;
const TWO_LINES = 52;

export function EventList({ events, withUnit = false }: { readonly events: readonly Event[]; readonly withUnit?: boolean }) {
  const [opened, setOpened] = useState<Event | null>(null);
  const rowHeight = useRowHeight() > 40 ? TWO_LINES : LINE;
  return (
    <>
      <VirtualList
        label="Events, newest first"
        class={withUnit ? "events" : "events of-one"}
        items={events}
        rowHeight={rowHeight}
        keyOf={(event) => event.id}
        open={setOpened}
        rowClass={(event) => (toneOfEvent(event) === "bad" ? "event-bad" : "")}
        row={(event) => <Cells event={event} withUnit={withUnit} />}
        empty="No events."
      />
      {opened && <EventDialog event={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

function Cells({ event, withUnit }: { readonly event: Event; readonly withUnit: boolean }) {
  return (
    <>
      <time class="e-time num" role="gridcell" dateTime={event.timestamp} title={fullTime(event.timestamp)}>
        {shortTime(event.timestamp, now.peek())}
      </time>
      {withUnit && (
        <span class="e-unit" role="gridcell">
          {event.service_id === null ? (
            <span class="quiet-text">sup</span>
          ) : (
            <a class="unit-link" tabIndex={-1} href={unitHref(event.service_id)}>
              {event.service_id}
            </a>
          )}
        </span>
      )}
      <span class="e-type" role="gridcell">
        <span class={`dot tone-${toneOfEvent(event)}`} aria-hidden="true" />
        {plain(event.event_type)}
      </span>
      <span class="e-message" role="gridcell">
        {plain(clip(event.message, 400).text)}
      </span>
    </>
  );
}

const TONES: Readonly<Record<string, Tone>> = {
  running: "good",
  ready: "good",
  healthy: "good",
  "alert-resolved": "good",
  recovered: "good",
  started: "busy",
  starting: "busy",
  backoff: "warning",
  degraded: "warning",
  killed: "warning",
  unhealthy: "bad",
  fatal: "bad",
  failed: "bad",
  "start-failed": "bad",
  "log-loss": "bad",
  "log-limited": "warning",
};

export function toneOfEvent({ event_type, details }: Event): Tone {
  if (event_type === "exited") return details.success === false && details.expected === false ? "bad" : "quiet";
  if (event_type === "alert-opened") return details.severity === "critical" ? "bad" : "warning";
  return TONES[event_type] ?? "quiet";
}

const MOST_TEXT = 20_000;

function EventDialog({ event, onClose }: { readonly event: Event; readonly onClose: () => void }) {
  const { last_lines, ...details } = event.details;
  const lines = Array.isArray(last_lines) ? last_lines.map(String) : [];
  return (
    <Dialog title={plain(event.event_type)} onClose={onClose} wide>
      <p class="quiet-text">
        {fullTime(event.timestamp)} · {event.service_id ?? "sup"} · event {event.id}
      </p>
      <p class="wrap">{plain(clip(event.message, MOST_TEXT).text)}</p>
      {Object.keys(details).length > 0 && (
        <dl class="facts">
          {Object.entries(details).map(([key, value]) => (
            <div key={key}>
              <dt>{plain(key)}</dt>
              <dd class="wrap">{plain(clip(typeof value === "string" ? value : JSON.stringify(value), MOST_TEXT).text)}</dd>
            </div>
          ))}
        </dl>
      )}
      {lines.length > 0 && (
        <>
          <h3>Last lines of its output</h3>
          <pre class="output">{lines.map((line) => `${plain(clip(line, 2000).text)}\n`)}</pre>
        </>
      )}
      <div class="dialog-buttons">
        {event.service_id !== null && (
          <a class="button" href={unitHref(event.service_id)} onClick={onClose}>
            Open {event.service_id}
          </a>
        )}
        <button type="button" class="button primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
