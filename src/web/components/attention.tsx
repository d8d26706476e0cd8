import { useState } from "preact/hooks";
import type { BrokenUnit, Service } from "../../api/contract/shapes.ts";
import { plural } from "../format.ts";
import { problemsOf, type Problem } from "../problems.ts";
import { openAlerts } from "../state/alerts.ts";
import { around } from "../state/around.ts";
import { now } from "../state/clock.ts";
import { unitHref } from "../route.ts";
import { useNarrow } from "../narrow.ts";
import { AckButton } from "./ack-button.tsx";

/** The number of lines in the area. If there are more problems, the last line says how many. */
const LINES = 8;
const MOST = 200;

/**
 * Lists everything that needs attention. The area has space for a few lines even if there are none, so that the first problems do
 * not move the rows below. On a narrow screen it has one line, because the list below begins with the same units.
 */
export function Attention({ services, broken }: { readonly services: readonly Service[]; readonly broken: readonly BrokenUnit[] }) {
  const [whole, setWhole] = useState(false);
  const isNarrow = useNarrow();
  const loose = openAlerts.value.filter(({ service_id }) => service_id === null);
  const problems = problemsOf(services, broken, loose, around.value, now.value);
  const most = isNarrow && problems.length > 1 ? 0 : problems.length > LINES ? LINES - 1 : LINES;
  const shown = problems.slice(0, whole ? MOST : most);
  const isBad = problems.some(({ tone }) => tone === "bad");
  const critical = problems.filter((problem) => problem.critical).length;
  const more = shown.length === 0 ? plural(problems.length, "problem") : `+${problems.length - shown.length} more`;
  return (
    <section class="rail" aria-label="What needs attention">
      <div class={`rail-units ${problems.length === 0 ? "" : isBad ? "rail-bad" : "rail-warning"}`} aria-live="polite">
        {problems.length === 0 && (
          <span class="rail-well">
            <span class="dot tone-good" aria-hidden="true" /> {services.length === 0 ? "No units" : "Nothing needs attention"}
          </span>
        )}
        <ul>
          {shown.map((problem) => (
            <Line key={problem.unit ?? `alert ${problem.alerts[0]!.id}`} problem={problem} />
          ))}
        </ul>
        {problems.length > most && (
          <button type="button" class="more" aria-expanded={whole} onClick={() => setWhole(!whole)}>
            {whole ? "Show fewer" : more}
            {!whole && shown.length === 0 && critical > 0 && <span class="severity">{critical} critical</span>}
          </button>
        )}
      </div>
    </section>
  );
}

function Line({ problem: { unit, tone, critical, text, evidence, alerts } }: { readonly problem: Problem }) {
  return (
    <li class={`trouble tone-${tone}`}>
      <span class="dot" aria-hidden="true" />
      {unit === null ? <b>sup</b> : <a href={unitHref(unit)}>{unit}</a>}
      {critical && <span class="severity">critical</span>}
      <span class="trouble-text" title={evidence === null ? text : `${text}: ${evidence}`}>
        {text}
        {evidence !== null && <code>{evidence}</code>}
      </span>
      <AckButton alerts={alerts} of={unit ?? "sup"} isQuiet />
    </li>
  );
}
