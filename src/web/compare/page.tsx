import { useEffect, useState } from "preact/hooks";
import type { Diff, Figures } from "../../api/contract/shapes.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { formatDuration } from "../../base/duration.ts";
import { TimeField } from "../components/time-field.tsx";
import { shortTime } from "../format.ts";
import { request } from "../state/api.ts";
import { plain } from "../text.ts";
import { errorWords } from "../unit/log-source.ts";
import { CompareCharts } from "./charts.tsx";
import { firstRanges, LENGTHS, rangesAround, startsOf, type Range, type Ranges, type Start } from "./ranges.ts";
import { Comparison } from "./table.tsx";

const MOST_EVENTS = 2000;
const MOST_STARTS = 100;
const HISTORY = "30d";

/** Compares two ranges of time of a unit side by side, by default those before and after its newest start. */
export function ComparePage({ id }: { readonly id: string }) {
  const [starts, setStarts] = useState<readonly Start[] | null>(null);
  const [start, setStart] = useState<Start | null>(null);
  const [lengthMs, setLengthMs] = useState<number>(LENGTHS[1].ms);
  const [ranges, setRanges] = useState<Ranges | null>(null);
  useEffect(() => {
    void request("events", { service: id, type: "started,exited,start-failed", since: HISTORY, limit: MOST_EVENTS }).then((answer) => {
      const found = answer.ok ? startsOf(answer.value).slice(0, MOST_STARTS) : [];
      setStarts(found);
      setStart(found[0] ?? null);
      setRanges(firstRanges(found, Date.now()));
    });
  }, [id]);
  const figures = useFigures(id, ranges);
  const diff = useDiff(id, start);
  if (starts === null || ranges === null)
    return (
      <p class="empty" role="status">
        Loading…
      </p>
    );
  const around = (next: Start | null, length: number): void => {
    setStart(next);
    setLengthMs(length);
    if (next !== null) setRanges(rangesAround(next.atMs, length, Date.now()));
  };
  const change = (side: keyof Ranges, range: Range): void => {
    setStart(null);
    if (range.from < range.to) setRanges({ ...ranges, [side]: range });
  };
  return (
    <div class="compare">
      <Choice starts={starts} start={start} lengthMs={lengthMs} onChange={around} />
      <div class="compare-sides">
        <Side title="Before" range={ranges.before} onChange={(range) => change("before", range)} />
        <Side title="After" range={ranges.after} onChange={(range) => change("after", range)} />
      </div>
      {figures.problem !== null && <p class="problem">{errorWords(figures.problem)}</p>}
      {figures.value !== null && <Comparison before={figures.value[0]} after={figures.value[1]} />}
      <Changes diff={diff} />
      <CompareCharts id={id} ranges={ranges} onZoom={change} />
    </div>
  );
}

interface ChoiceProps {
  readonly starts: readonly Start[];
  /** Null if the ranges were changed by hand. */
  readonly start: Start | null;
  readonly lengthMs: number;
  readonly onChange: (start: Start | null, lengthMs: number) => void;
}

function Choice({ starts, start, lengthMs, onChange }: ChoiceProps) {
  return (
    <div class="compare-bar" role="group" aria-label="What to compare">
      <label class="field-inline">
        Before and after
        <select
          aria-label="Start around which to compare"
          value={start === null ? "" : String(starts.indexOf(start))}
          onChange={(event) => onChange(starts[Number(event.currentTarget.value)] ?? null, lengthMs)}
        >
          {start === null && <option value="">two ranges of time</option>}
          {starts.map((one, index) => (
            <option key={index} value={index}>
              the start at {shortTime(new Date(one.atMs).toISOString(), Date.now())}
              {one.ending === null ? "" : ` after ${plain(one.ending)}`}
            </option>
          ))}
        </select>
      </label>
      <div class="ranges" role="group" aria-label="Length of each range">
        {LENGTHS.map(({ title, ms }) => (
          <button
            key={ms}
            type="button"
            class="chip"
            aria-pressed={start !== null && ms === lengthMs}
            disabled={starts.length === 0}
            onClick={() => onChange(start ?? starts[0] ?? null, ms)}
          >
            {title}
          </button>
        ))}
      </div>
    </div>
  );
}

interface SideProps {
  readonly title: string;
  readonly range: Range;
  readonly onChange: (range: Range) => void;
}

function Side({ title, range, onChange }: SideProps) {
  const input = (edge: keyof Range, name: string) => (
    <TimeField
      label={`${title}, ${name}`}
      value={new Date(range[edge]).toISOString()}
      onChange={(iso) => iso !== null && onChange({ ...range, [edge]: Date.parse(iso) })}
    />
  );
  return (
    <fieldset class="compare-side">
      <legend>
        {title} <span class="quiet-text">({formatDuration(Math.round((range.to - range.from) / 1000) * 1000)})</span>
      </legend>
      {input("from", "from")} <span aria-hidden="true">–</span> {input("to", "to")}
    </fieldset>
  );
}

/** Shows what the run after the start was started with that the run before it was not. */
function Changes({ diff }: { readonly diff: Diff | null }) {
  if (diff === null) return null;
  return (
    <section class="card" aria-label="What changed at the start">
      <h2>What changed at the start</h2>
      {diff.changes.length === 0 && <p class="quiet-text">Nothing: the same settings, executable, files and environment.</p>}
      <ul class="plain-list">
        {[...diff.changes.map(({ text }) => text), ...diff.unknown].map((text) => (
          <li key={text}>{plain(text)}</li>
        ))}
      </ul>
    </section>
  );
}

function useFigures(id: string, ranges: Ranges | null) {
  const [state, setState] = useState<{
    readonly value: readonly [Figures, Figures] | null;
    readonly problem: ApiError | null;
  }>({ value: null, problem: null });
  useEffect(() => {
    if (ranges === null) return;
    let gone = false;
    const read = ({ from, to }: Range) =>
      request("figures", { id, since: new Date(from).toISOString(), until: new Date(to).toISOString() });
    void Promise.all([read(ranges.before), read(ranges.after)]).then(([before, after]) => {
      if (gone) return;
      if (before.ok && after.ok) setState({ value: [before.value, after.value], problem: null });
      else setState({ value: null, problem: before.ok ? (after.ok ? null : after.error) : before.error });
    });
    return () => void (gone = true);
  }, [id, ranges]);
  return state;
}

function useDiff(id: string, start: Start | null): Diff | null {
  const [diff, setDiff] = useState<Diff | null>(null);
  useEffect(() => {
    setDiff(null);
    if (start === null || start.invocation === null || start.previous === null) return;
    let gone = false;
    void request("diff", { id, from: start.previous, to: start.invocation }).then((answer) => {
      if (!gone && answer.ok) setDiff(answer.value);
    });
    return () => void (gone = true);
  }, [id, start]);
  return diff;
}
