import { useState } from "preact/hooks";
import type { Service, Why as Story } from "../../api/contract/shapes.ts";
import { fullTime, shortTime } from "../format.ts";
import { Due } from "../components/marks.tsx";
import { now } from "../state/clock.ts";
import type { Requested } from "../state/use-request.ts";
import { storyRows, type StoryRow } from "../story.ts";
import { clip, plain, withoutCommands } from "../text.ts";

const ENTRIES = 8;

interface Props extends Pick<Requested<Story>, "value" | "problem"> {
  readonly service: Service;
}

/** Explains the unit's state. Shows what happened, newest first, what happens next, and the unit's policy. */
export function Why({ service, value, problem }: Props) {
  const [whole, setWhole] = useState(false);
  if (value === null) return <p class="quiet-text">{problem?.message ?? "…"}</p>;
  const story = storyRows(value.story, value.service.last_line ?? null);
  return (
    <>
      <h2>What happened</h2>
      {story.length === 0 && <p class="quiet-text">Nothing yet.</p>}
      <ol class="story">
        {(whole ? story : story.slice(0, ENTRIES)).map((row, index) => (
          <Entry key={`${row.time} ${story.length - index}`} row={row} />
        ))}
      </ol>
      {story.length > ENTRIES && (
        <button type="button" class="button quiet small" onClick={() => setWhole(!whole)}>
          {whole ? "Show only the latest" : `Show all ${story.length}`}
        </button>
      )}
      {value.change != null && (
        <>
          <h2>What changed before the failure</h2>
          <Changes change={value.change} />
        </>
      )}
      <h2>What happens next</h2>
      <Next next={nextOf(service, value)} />
      <h2>Policy</h2>
      <ul class="plain-list">
        {value.policy.map((text) => (
          <li key={text}>{plain(text)}</li>
        ))}
      </ul>
    </>
  );
}

/**
 * Returns what happens next. While the daemon's explanation is older than the state that the event stream reported, returns only
 * what that state says.
 */
export function nextOf(service: Service, value: Story): Story["next"] {
  const known = value.service;
  const [a, b] = [known.next_attempt, service.next_attempt].map((iso) => (iso === null ? 0 : Date.parse(iso))) as [number, number];
  // The daemon computes the time anew for each answer, so that it can differ by milliseconds.
  if (known.state === service.state && Math.abs(a - b) < 1000) return value.next;
  return service.next_attempt === null ? [] : [{ text: "Next attempt", time: service.next_attempt }];
}

function Next({ next }: { readonly next: Story["next"] }) {
  if (next.length === 0) return <p class="quiet-text">…</p>;
  return (
    <ul class="plain-list">
      {next.map(({ text, time }) => (
        <li key={text}>
          {plain(withoutCommands(text))}
          {time !== null && (
            <>
              {" "}
              <b class="nowrap">
                <Due iso={time} />
              </b>{" "}
              <span class="quiet-text nowrap">({shortTime(time, now.value)})</span>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function Changes({ change: { changes, since, failed_at } }: { readonly change: NonNullable<Story["change"]> }) {
  if (changes.length === 0)
    return (
      <p class="quiet-text">
        Nothing that sup tracks changed between {shortTime(since, now.value)} and the first failure at {shortTime(failed_at, now.value)}.
      </p>
    );
  return (
    <ol class="story">
      {changes.map(({ time, text }) => (
        <Entry key={text} row={{ time, text, line: null, output: [] }} />
      ))}
    </ol>
  );
}

function Entry({ row: { time, text, line, output } }: { readonly row: StoryRow }) {
  return (
    <li>
      <time class="num quiet-text" dateTime={time} title={fullTime(time)}>
        {shortTime(time, now.value)}
      </time>
      <div>
        <span class="wrap">{plain(clip(text, 1000).text)}</span>
        {line !== null && <pre class="output">{plain(clip(line, 500).text)}</pre>}
        {output.length > 0 && (
          <details>
            <summary class="quiet-text">Last {output.length} lines</summary>
            <pre class="output">{output.map((one) => `${plain(clip(one, 500).text)}\n`)}</pre>
          </details>
        )}
      </div>
    </li>
  );
}
