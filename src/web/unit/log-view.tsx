import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { contextOf, errorWords, followLog, linesAround, linesBefore, saveLog, type LogFilter, type LogScope } from "./log-source.ts";
import { LogPane, type Context } from "./log-pane.ts";
import { grepOfLevel, type MinLevel } from "../log-level.ts";
import { grepOf, type Line } from "./log-lines.ts";
import { unitHref } from "../route.ts";
import { showToast } from "../state/toasts.ts";
import { NONE } from "../format.ts";
import { SearchField } from "../components/search-field.tsx";
import { TimeField } from "../components/time-field.tsx";

type Stream = "" | "stdout" | "stderr";

/** Number of lines before and after a line that its button shows. */
const CONTEXT = 5;

interface Props {
  readonly scope: LogScope;
  /** Adds the controls and uses the whole height. */
  readonly full?: boolean;
  /** Controls in front of the others. */
  readonly children?: ComponentChildren;
}

/** Shows the log of a unit, or those of several units, and follows new lines until the user scrolls up. */
export function LogView({ scope, full = false, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const pane = useRef<LogPane | null>(null);
  const [search, setSearch] = useState("");
  const [stream, setStream] = useState<Stream>("");
  const [level, setLevel] = useState<MinLevel>("");
  const [paused, setPaused] = useState(false);
  const [held, setHeld] = useState(0);
  /** The selected time, or null if the view follows the log. */
  const [at, setAt] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [state, setState] = useState<"loading" | "live" | "broken">("loading");
  const grep = useDebounced(grepOf(search));

  useEffect(() => {
    const lines = (pane.current ??= new LogPane(box.current!, setHeld));
    lines.grep = grep;
    lines.minLevel = level;
    lines.follows = at === null;
    lines.loadContext = grep === "" && level === "" ? null : (line) => loadContext(scope, line);
    lines.clear();
    lines.paused = false;
    setPaused(false);
    setProblem(null);
    const filter: LogFilter = { grep: grep === "" ? grepOfLevel(level) : grep, stream };
    const stop = new AbortController();
    if (at === null) void followLog(scope, filter, firstLines(scope, full), stop.signal, { pane: lines, setState, setProblem });
    else void showAround(scope, at, filter, lines, stop.signal).then(setProblem);
    return () => stop.abort();
  }, [String(scope), typeof scope, grep, stream, level, at, full]);

  const pause = (next: boolean): void => {
    setPaused(next);
    pane.current!.paused = next;
    if (!next) pane.current!.toEnd();
  };
  /** Pauses the log when the user scrolls away from its end, and continues it when the user returns to the end. */
  const onScroll = (): void => {
    if (at !== null || pane.current === null) return;
    if (pane.current.isAtEnd === paused) pause(!paused);
  };
  return (
    <div class={full ? "log log-full" : "log"}>
      {full ? (
        <LogBar {...{ scope, search, setSearch, stream, setStream, level, setLevel, paused, pause, held, at, setAt, state, pane }}>
          {children}
        </LogBar>
      ) : (
        <LogHead id={String(scope)} />
      )}
      <p class="problem" role="alert" hidden={problem === null}>
        {problem}
      </p>
      <div
        ref={box}
        class={typeof scope === "string" ? "log-lines" : "log-lines of-several"}
        role="log"
        aria-live="off"
        aria-label={typeof scope === "string" ? `Log of ${scope}` : "Logs of several units"}
        tabIndex={0}
        onScroll={onScroll}
      />
    </div>
  );
}

/** Returns how many lines are shown at first. */
const firstLines = (scope: LogScope, full: boolean): number => (typeof scope !== "string" ? 300 : full ? 1000 : 200);

const LogHead = ({ id }: { readonly id: string }) => (
  <div class="card-head">
    <h2>Log</h2>
    <a href={unitHref(id, "logs")}>Full log</a>
  </div>
);

async function loadContext(scope: LogScope, line: Line): Promise<Context | null> {
  const answer = await contextOf(line.unit ?? String(scope), line, CONTEXT);
  if (answer.ok) return answer.value;
  showToast("bad", errorWords(answer.error));
  return null;
}

interface BarProps {
  readonly scope: LogScope;
  readonly children: ComponentChildren;
  readonly search: string;
  readonly setSearch: (text: string) => void;
  readonly stream: Stream;
  readonly setStream: (stream: Stream) => void;
  readonly level: MinLevel;
  readonly setLevel: (level: MinLevel) => void;
  readonly paused: boolean;
  readonly pause: (next: boolean) => void;
  readonly held: number;
  readonly at: string | null;
  readonly setAt: (time: string | null) => void;
  readonly state: "loading" | "live" | "broken";
  readonly pane: { readonly current: LogPane | null };
}

function LogBar(bar: BarProps) {
  const { scope, at, setAt, paused, pause } = bar;
  const [saving, setSaving] = useState(false);
  const save = async (): Promise<void> => {
    setSaving(true);
    const error = await saveLog(scope);
    setSaving(false);
    if (error) showToast("bad", error);
  };
  const earlier = async (): Promise<void> => {
    const first = document.querySelector<HTMLTimeElement>(".log-lines > .log-line time")?.dateTime;
    if (first === undefined) return;
    if (first === "")
      return showToast("bad", "The lines of a raw log have no times, so earlier ones cannot be found. The download has them.");
    const grep = grepOf(bar.search);
    const answer = await linesBefore(scope, first, { grep: grep === "" ? grepOfLevel(bar.level) : grep, stream: bar.stream });
    if (!answer.ok) return showToast("bad", errorWords(answer.error));
    if (answer.value.length === 0) return showToast("good", "There are no earlier lines.");
    if (at === null) pause(true);
    bar.pane.current?.prepend(answer.value);
  };
  return (
    <div class="filter-bar" role="search">
      {bar.children}
      <SearchField
        placeholder="Search: text, or /regular expression/"
        label="Search the log"
        maxLength={120}
        value={bar.search}
        onChange={bar.setSearch}
      />
      <Choices {...bar} />
      <label class="field-inline">
        Go to
        <TimeField label="Go to a time" onChange={setAt} />
      </label>
      <button type="button" class="button small" onClick={() => void earlier()}>
        Earlier lines
      </button>
      <button type="button" class="button small" aria-busy={saving} disabled={saving} onClick={() => void save()}>
        Download
      </button>
      <button
        type="button"
        class="button small follow"
        aria-pressed={at === null && !paused}
        onClick={() => (at === null ? pause(!paused) : setAt(null))}
      >
        {at === null && !paused ? "Pause" : "Follow"}
      </button>
      <span class="shown" role="status">
        {words(bar)}
      </span>
    </div>
  );
}

function Choices({ scope, level, setLevel, stream, setStream }: Pick<BarProps, "scope" | "level" | "setLevel" | "stream" | "setStream">) {
  return (
    <>
      <select aria-label="Level" value={level} onChange={(event) => setLevel(event.currentTarget.value as MinLevel)}>
        <option value="">All levels</option>
        <option value="info">Info and above</option>
        <option value="warning">Warnings and errors</option>
        <option value="error">Errors</option>
      </select>
      {typeof scope === "string" && (
        <select aria-label="Stream" value={stream} onChange={(event) => setStream(event.currentTarget.value as Stream)}>
          <option value="">Both streams</option>
          <option value="stdout">stdout</option>
          <option value="stderr">stderr</option>
        </select>
      )}
    </>
  );
}

function words({ at, paused, held, state }: BarProps): string {
  if (at !== null) return "not following";
  if (paused) return held > 0 ? `paused, ${held} new` : "paused";
  return state === "live" ? "following" : state === "loading" ? NONE : "interrupted";
}

async function showAround(scope: LogScope, at: string, filter: LogFilter, pane: LogPane, stopped: AbortSignal): Promise<string | null> {
  const answer = await linesAround(scope, at, filter, Date.now());
  if (stopped.aborted) return null;
  if (!answer.ok) return errorWords(answer.error);
  if (answer.value.length === 0) return "There are no lines after this time.";
  for (const line of answer.value) pane.push(line);
  pane.flush();
  return null;
}

const SETTLE_MS = 300;

/** Returns the value after it has not changed for SETTLE_MS, so that not every key press starts a search. */
function useDebounced<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(setSettled, SETTLE_MS, value);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
