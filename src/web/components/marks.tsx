import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Service } from "../../api/contract/shapes.ts";
import { due, relative, since } from "../format.ts";
import { toneNow } from "../state/around.ts";
import { now } from "../state/clock.ts";
import { HEALTH_TONES, toneOfState } from "../trouble.ts";
import { detailOf } from "../words.ts";

/** Shows a unit's state as a coloured label. */
export function StateMark({ service }: { readonly service: Pick<Service, "state" | "sub_state"> }) {
  const { state } = service;
  return (
    <span class={`pill tone-${toneOfState(state)} state-${state}`} title={detailOf(service) ?? undefined}>
      {state}
    </span>
  );
}

export function HealthMark({ health }: { readonly health: Service["health"] }) {
  if (health === "unknown") return <span class="quiet-text">–</span>;
  return <span class={`health tone-${HEALTH_TONES[health]}`}>{health}</span>;
}

/** Shows the worse of state and trouble as a coloured dot. */
export const Dot = ({ service }: { readonly service: Service }) => <span class={`dot tone-${toneNow(service)}`} aria-hidden="true" />;

/** Shows a time that changes every second. Sets only the text of its element, and renders nothing else. */
function Ticking({ text }: { readonly text: (now: number) => string }) {
  const span = useRef<HTMLSpanElement>(null);
  useSignalEffect(() => {
    const next = text(now.value);
    if (span.current && span.current.textContent !== next) span.current.textContent = next;
  });
  return <span ref={span}>{text(now.peek())}</span>;
}

/** Shows the time since `iso`. */
export const Since = ({ iso }: { readonly iso: string | null }) => <Ticking key={iso} text={(at) => since(iso, at)} />;

/** Shows a time relative to now, such as `in 12s` or `3m 5s ago`. */
export const Relative = ({ iso }: { readonly iso: string }) => <Ticking key={iso} text={(at) => relative(iso, at)} />;

/** Shows the time until `iso`, such as `in 12s`. Shows `now` after that, until the daemon reports the next time. */
export const Due = ({ iso }: { readonly iso: string }) => <Ticking key={iso} text={(at) => due(iso, at)} />;
