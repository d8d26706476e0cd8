import { useEffect, useMemo, useState } from "preact/hooks";
import type { Event } from "../../api/contract/shapes.ts";
import { plural } from "../format.ts";
import { EventList } from "../components/event-list.tsx";
import { SearchField } from "../components/search-field.tsx";
import { request } from "../state/api.ts";
import { onChange } from "../state/live.ts";

const FIRST = 500;
const MOST = 10_000;

/** Shows the event history, which grows with each new event. */
export function EventsPage() {
  const [limit, setLimit] = useState(FIRST);
  const { events, problem, complete } = useEvents(null, limit);
  const [text, setText] = useState("");
  const [type, setType] = useState("");
  const types = useMemo(() => [...new Set(events.map((event) => event.event_type))].toSorted(), [events]);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = events.filter((event) => (type === "" || event.event_type === type) && words.every((word) => holds(event, word)));
  return (
    <div class="history">
      <h1 class="visually-hidden">Events</h1>
      <div class="filter-bar" role="search">
        <SearchField
          placeholder="Filter: unit or words in the message"
          label="Filter events by unit or words"
          value={text}
          onChange={setText}
        />
        <select aria-label="Filter by type" value={type} onChange={(event) => setType(event.currentTarget.value)}>
          <option value="">Any type</option>
          {types.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
        <span class="shown" role="status">
          {shown.length === events.length ? plural(events.length, "event") : `${shown.length} of ${events.length}`}
        </span>
        <button
          type="button"
          class="button quiet small"
          disabled={complete || limit >= MOST}
          onClick={() => setLimit(Math.min(limit * 4, MOST))}
        >
          Load older
        </button>
      </div>
      {problem !== null && <p class="problem">{problem}</p>}
      <EventList events={shown} withUnit fold={type === ""} />
    </div>
  );
}

/** Shows the events of a unit. */
export function UnitEvents({ id }: { readonly id: string }) {
  const { events, problem } = useEvents(id, 1000);
  return (
    <div class="history">
      {problem !== null && <p class="problem">{problem}</p>}
      <EventList events={events} />
    </div>
  );
}

const holds = ({ service_id, event_type, message }: Event, word: string): boolean =>
  `${service_id ?? "sup"} ${event_type} ${message}`.toLowerCase().includes(word);

/** Returns events from the store and then from the stream, newest first. If `unit` is null, returns the events of all units. */
function useEvents(unit: string | null, limit: number) {
  const [events, setEvents] = useState<readonly Event[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [complete, setComplete] = useState(false);
  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      const answer = await request("events", unit === null ? { limit } : { limit, service: unit });
      if (gone) return;
      if (!answer.ok) return setProblem(answer.error.message);
      setProblem(null);
      setComplete(answer.value.length < limit);
      setEvents(answer.value.toReversed());
    };
    void load();
    const stop = onChange((change) => {
      if (change.kind === "snapshot") void load(); // the stream does not repeat the events during an interruption
      if (change.kind !== "event" || (unit !== null && change.data.service_id !== unit)) return;
      const { data } = change;
      setEvents((known) => (known.some(({ id }) => id === data.id) ? known : [data, ...known].slice(0, MOST)));
    });
    return () => {
      gone = true;
      stop();
    };
  }, [unit, limit]);
  return { events, problem, complete };
}
