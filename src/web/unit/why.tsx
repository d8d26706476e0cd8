import { useState } from "preact/hooks";
import type { Why as Story } from "../../api/contract/shapes.ts";
import { fullTime, shortTime } from "../format.ts";
import { Due } from "../components/marks.tsx";
import { now } from "../state/clock.ts";
import { clip, plain, withoutCommands } from "../text.ts";
import type { Requested } from "../state/use-request.ts";

const ENTRIES = 8;

/** Explains the unit's state. Shows what happens next, what happened before, and the unit's policy. */
export function Why({ value, problem }: Pick<Requested<Story>, "value" | "problem">) {
  const [whole, setWhole] = useState(false);
  if (value === null) return <p class="quiet-text">{problem?.message ?? "…"}</p>;
  const story = whole ? value.story : value.story.slice(-ENTRIES);
  return (
    <>
      <h2>What happens next</h2>
      <ul class="plain-list">
        {value.next.map(({ text, time }) => (
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
      {value.change != null && (
        <>
          <h2>What changed before the failure</h2>
          <Changes change={value.change} />
        </>
      )}
      <h2>What happened</h2>
      {value.story.length === 0 && <p class="quiet-text">Nothing yet.</p>}
      <ol class="story">
        {story.map((entry, index) => (
          <Entry key={`${entry.time} ${index}`} entry={entry} />
        ))}
      </ol>
      {value.story.length > ENTRIES && (
        <button type="button" class="button quiet small" onClick={() => setWhole(!whole)}>
          {whole ? "Show only the latest" : `Show all ${value.story.length}`}
        </button>
      )}
      <h2>Policy</h2>
      <ul class="plain-list">
        {value.policy.map((text) => (
          <li key={text}>{plain(text)}</li>
        ))}
      </ul>
    </>
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
        <Entry key={text} entry={{ time, text, lines: [] }} />
      ))}
    </ol>
  );
}

const LAST_LINES = 5;

function Entry({ entry: { time, text, lines } }: { readonly entry: Story["story"][number] }) {
  return (
    <li>
      <time class="num quiet-text" dateTime={time} title={fullTime(time)}>
        {shortTime(time, now.value)}
      </time>
      <div>
        <span class="wrap">{plain(clip(text, 1000).text)}</span>
        {lines.length > 0 && <pre class="output">{lines.slice(-LAST_LINES).map((line) => `${plain(clip(line, 500).text)}\n`)}</pre>}
      </div>
    </li>
  );
}
