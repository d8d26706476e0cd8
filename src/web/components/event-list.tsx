import { useMemo, useState } from "preact/hooks";
import { foldEvents, type FoldedEvent } from "../../api/contract/fold-events.ts";
import type { Event } from "../../api/contract/shapes.ts";
import { fullTime, shortTime } from "../format.ts";
import { useNarrow } from "../narrow.ts";
import { markReplaced } from "../replaced.ts";
import { unitHref } from "../route.ts";
import { now } from "../state/clock.ts";
import { clip, plain } from "../text.ts";
import type { Tone } from "../trouble.ts";
import { Dialog } from "./dialog.tsx";
import { VirtualList } from "./virtual-list.tsx";

const LINE = 30;
const TWO_LINES = 52;

interface ListProps {
  /** Newest first. */
  readonly events: readonly Event[];
  readonly withUnit?: boolean;
  /** Shows a crash loop as one row, with the events in a dialog. */
  readonly fold?: boolean;
}

export function EventList({ events, withUnit = false, fold = true }: ListProps) {
  const [opened, setOpened] = useState<FoldedEvent | null>(null);
  const rows = useMemo(() => {
    const marked = markReplaced(events);
    return fold ? foldEvents(marked.toReversed(), Date.parse).toReversed() : marked.map((event) => ({ event, inner: [] }));
  }, [events, fold]);
  const isNarrow = useNarrow();
  return (
    <>
      <VirtualList
        label="Events, newest first"
        class={withUnit ? "events" : "events of-one"}
        items={rows}
        rowHeight={isNarrow ? TWO_LINES : LINE}
        keyOf={({ event }) => event.id}
        open={setOpened}
        rowClass={({ event }) => (toneOfEvent(event) === "bad" ? "event-bad" : "")}
        row={({ event }) => <Cells event={event} withUnit={withUnit} isNarrow={isNarrow} />}
        empty="No events."
      />
      {opened && opened.inner.length === 0 && <EventDialog event={opened.event} onClose={() => setOpened(null)} />}
      {opened && opened.inner.length > 0 && <LoopDialog loop={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

function Cells({ event, withUnit, isNarrow }: { readonly event: Event; readonly withUnit: boolean; readonly isNarrow: boolean }) {
  return (
    <>
      <time class="e-time num" role="gridcell" dateTime={event.timestamp} title={fullTime(event.timestamp)}>
        {isNarrow ? shortTime(event.timestamp, now.peek()) : fullTime(event.timestamp)}
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
  // A unit that has just started may still fail.
  running: "busy",
  ready: "busy",
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
  "limit-exceeded": "warning",
};

export function toneOfEvent({ event_type, details }: Event): Tone {
  if (/^exited( ×|$)/.test(event_type)) return details.success === false && details.expected === false ? "bad" : "quiet";
  if (details.replaced_by !== undefined) return "quiet";
  if (event_type === "alert-opened") return details.severity === "critical" ? "bad" : "warning";
  return TONES[event_type.replace(/ ×\d+$/, "")] ?? "quiet";
}

const MOST_INNER = 400;

/** Lists the events of a crash loop, newest first. */
function LoopDialog({ loop: { event, inner }, onClose }: { readonly loop: FoldedEvent; readonly onClose: () => void }) {
  return (
    <Dialog title={`Crash loop of ${event.service_id}`} onClose={onClose} wide>
      <p class="wrap">{plain(clip(event.message, MOST_TEXT).text)}</p>
      <ol class="loop-events" tabIndex={0} aria-label="Events of the crash loop, newest first">
        {inner
          .toReversed()
          .slice(0, MOST_INNER)
          .map((one) => (
            <li key={one.id}>
              <time class="num quiet-text" dateTime={one.timestamp}>
                {fullTime(one.timestamp)}
              </time>
              <span class="nowrap">{plain(one.event_type)}</span>
              <span class="wrap">{plain(clip(one.message, 400).text)}</span>
            </li>
          ))}
      </ol>
      {inner.length > MOST_INNER && <p class="quiet-text">and {inner.length - MOST_INNER} earlier events</p>}
      <LastLines event={inner.findLast(({ details }) => Array.isArray(details.last_lines)) ?? event} />
      <DialogEnd event={event} onClose={onClose} />
    </Dialog>
  );
}

const MOST_TEXT = 20_000;

function EventDialog({ event, onClose }: { readonly event: Event; readonly onClose: () => void }) {
  const { last_lines: _, ...details } = event.details;
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
      <LastLines event={event} />
      <DialogEnd event={event} onClose={onClose} />
    </Dialog>
  );
}

function LastLines({ event: { details } }: { readonly event: Event }) {
  const lines = Array.isArray(details.last_lines) ? details.last_lines.map(String) : [];
  if (lines.length === 0) return null;
  return (
    <>
      <h3>Last lines of its output</h3>
      <pre class="output">{lines.map((line) => `${plain(clip(line, 2000).text)}\n`)}</pre>
    </>
  );
}

const DialogEnd = ({ event, onClose }: { readonly event: Event; readonly onClose: () => void }) => (
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
);
