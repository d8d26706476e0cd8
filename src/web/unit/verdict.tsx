import type { Alert, Service, Why } from "../../api/contract/shapes.ts";
import { verdict } from "../../api/contract/verdict.ts";
import { alertText, causeOf, limitText } from "../cause.ts";
import { AckButton } from "../components/ack-button.tsx";
import { Due } from "../components/marks.tsx";
import { relative } from "../format.ts";
import { unitHref } from "../route.ts";
import { around, toneNow, troubleNow } from "../state/around.ts";
import { now } from "../state/clock.ts";
import { isLive, view } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { plain, withoutCommands } from "../text.ts";
import { alertsOf, blockerOf, type Blocker } from "../trouble.ts";
import { act } from "./act.ts";

interface Props {
  readonly service: Service;
  /** What comes next, or null until it is known. */
  readonly next: Why["next"] | null;
}

/** Says why the unit is in its state, with what it printed, its open alerts, and what comes next. */
export function Verdict({ service, next }: Props) {
  const blocker = blockerOf(service, around.value.services);
  const over_limits = service.over_limits?.map((over) => ({ ...over, text: limitText(over, service) }));
  const text = verdict(over_limits === undefined ? service : { ...service, over_limits }, {
    relative: (iso) => relative(iso, now.value),
    commands: false,
  });
  const { evidence } = troubleNow(service) === "none" ? { evidence: null } : causeOf(service, around.value, now.value);
  // The verdict of a unit in back-off contains its next attempt, a health check is not news, and a blocked unit only waits.
  const isSaid = service.state === "backoff" || blocker !== null;
  const coming = isSaid ? undefined : next?.find((one) => one.text !== "Next health check" && !one.text.startsWith(NOTHING));
  return (
    <div class={`verdict tone-${toneNow(service)}`} role="group" aria-label="Why it is in this state">
      {blocker === null ? <b>{plain(text)}</b> : <BlockedBy blocker={blocker} />}
      {evidence !== null && <code class="wrap">{evidence}</code>}
      {blocker !== null && <StartBlocker blocker={blocker} />}
      <Alerts service={service} />
      {coming && (
        <span class="quiet-text">
          Next: {plain(withoutCommands(coming.text))} {coming.time !== null && <Due iso={coming.time} />}
        </span>
      )}
    </div>
  );
}

export const NOTHING = "Nothing automatically.";

const BlockedBy = ({ blocker: { unit, state } }: { readonly blocker: Blocker }) => (
  <b>
    Blocked: {state === null ? `there is no unit ${unit}` : <a href={unitHref(unit)}>{unit}</a>}
    {state !== null && ` is ${state}`}.
  </b>
);

function StartBlocker({ blocker: { unit, state } }: { readonly blocker: Blocker }) {
  if (state === null || !mayAct.value) return null;
  const current = view.value.services.get(unit)?.state;
  const canStart = isLive.value && (current === "failed" || current === "fatal");
  return (
    <button type="button" class="button small" disabled={!canStart} onClick={() => void act("start", [unit])}>
      Start {unit}
    </button>
  );
}

/** The alerts that the verdict says already. */
const SAID = new Set(["failed", "failing", "unhealthy", "degraded"]);

function Alerts({ service }: { readonly service: Service }) {
  const alerts = alertsOf(service, around.value);
  const open = alerts.filter(({ acknowledged }) => !acknowledged);
  const isSaid = ({ alert_type }: Alert): boolean =>
    SAID.has(alert_type) || (service.over_limits ?? []).slice(0, 1).some(({ limit }) => alert_type === `${limit}-limit`);
  const others = alerts.filter((alert) => !isSaid(alert));
  return (
    <>
      {others.map((alert) => (
        <span key={alert.id} class="verdict-alert">
          {sentence(alert, service)}
        </span>
      ))}
      <AckButton alerts={open} of={service.id} />
    </>
  );
}

function sentence(alert: Alert, service: Service): string {
  const text = alertText(alert, service);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}
