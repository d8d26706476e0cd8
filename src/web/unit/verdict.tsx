import type { Service, Why } from "../../api/contract/shapes.ts";
import { verdict } from "../../api/contract/verdict.ts";
import { causeOf } from "../cause.ts";
import { Due } from "../components/marks.tsx";
import { relative } from "../format.ts";
import { now } from "../state/clock.ts";
import { plain, withoutCommands } from "../text.ts";
import { toneOf, troubleOf } from "../trouble.ts";

/** Says in one line why the unit is in its state, with what it printed, and what comes next. `next` is null until it is loaded. */
export function Verdict({ service, next }: { readonly service: Service; readonly next: Why["next"] | null }) {
  const text = verdict(service, { relative: (iso) => relative(iso, now.value), commands: false });
  const { evidence } = troubleOf(service) === "none" ? { evidence: null } : causeOf(service, now.value);
  // The verdict of a unit in back-off contains its next attempt, and a health check is not news.
  const coming = service.state === "backoff" ? undefined : next?.find((one) => one.text !== "Next health check");
  return (
    <div class={`verdict tone-${toneOf(service)}`} role="group" aria-label="Why it is in this state">
      <b>{plain(text)}</b>
      {evidence !== null && <code class="wrap">{evidence}</code>}
      {coming && (
        <span class="quiet-text">
          Next: {plain(withoutCommands(coming.text))} {coming.time !== null && <Due iso={coming.time} />}
        </span>
      )}
    </div>
  );
}
