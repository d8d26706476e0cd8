import { link, outdated, retryNow, view } from "../state/live.ts";
import { now } from "../state/clock.ts";
import { shortTime } from "../format.ts";
import { summaryOf } from "../notes.ts";
import { clip, plain } from "../text.ts";

/** Warns that the page is offline or that a newer version of it is available. */
export function Banner() {
  const state = link.value;
  if (state.kind === "offline") {
    const known = view.value.daemon !== null;
    return (
      <div class="banner banner-bad" role="alert">
        <strong>Offline.</strong>
        <span>
          {known ? `Showing the state at ${shortTime(new Date(state.sinceMs).toISOString(), now.value)}.` : "The daemon does not answer."}
        </span>
        <button type="button" class="button small" onClick={retryNow}>
          Try now
        </button>
      </div>
    );
  }
  if (outdated.value)
    return (
      <div class="banner banner-warning" role="status">
        <span>sup was upgraded while this page was open.</span>
        <button type="button" class="button small" onClick={() => location.reload()}>
          Reload the page
        </button>
      </div>
    );
  return null;
}

/** Shows the notes of the daemon, as `sup daemon status` does. */
export function DaemonNotes() {
  const { daemon } = view.value;
  if (daemon === null || daemon.notes.length === 0) return null;
  return (
    <details class="notes">
      <summary>{summaryOf(daemon.notes)}</summary>
      <ul>
        {daemon.notes.map((note) => (
          <li key={note}>{plain(clip(note, 2000).text)}</li>
        ))}
      </ul>
    </details>
  );
}
