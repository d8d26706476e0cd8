import { useState } from "preact/hooks";
import type { Action, JobResult, Service } from "../../api/contract/shapes.ts";
import { ask } from "../state/api.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { Confirm } from "./confirm.tsx";
import { KillDialog } from "./kill.tsx";
import { useAnswer } from "./use-answer.ts";

/** What is asked back before it is done: it takes something away from whoever uses the service. */
export type Hurting = "stop" | "restart" | "disable";

const isUp = ({ state }: Service): boolean => state === "running" || state === "starting" || state === "stopping" || state === "backoff";
const isBroken = ({ state }: Service): boolean => state === "failed" || state === "fatal" || state === "backoff";

/** Every control has its place whatever the state: what makes no sense just now cannot be pressed, but does not move. */
export function Actions({ service }: { readonly service: Service }) {
  const [busy, setBusy] = useState<Action | null>(null);
  const [asked, setAsked] = useState<Hurting | "kill" | null>(null);
  const { id } = service;
  const file = useAnswer(id, () => ask("serviceFile", { id }));
  const canReload = file.value?.effective.reload != null;
  if (!mayAct.value) return <div class="actions" />;
  const act = async (action: Action, more: Options = {}): Promise<void> => {
    setAsked(null);
    setBusy(action);
    const answer = await ask("jobs", { action, units: [id], ...more });
    setBusy(null);
    if (!answer.ok) say("bad", answer.error.message + (answer.error.hint ? ` (${answer.error.hint})` : ""));
    else tell(answer.value);
  };
  const off = (possible: boolean): boolean => !possible || !isLive.value;
  const button = (action: Action, title: string, possible: boolean, onClick: () => void, tone = ""): preact.JSX.Element => (
    <button type="button" class={`button ${tone}`} disabled={off(possible)} aria-busy={busy === action} onClick={onClick}>
      {title}
    </button>
  );
  return (
    <div class="actions" role="group" aria-label={`Actions on ${id}`}>
      {button("start", "Start", service.state !== "running", () => void act("start"), "primary")}
      {button("restart", "Restart", true, () => (service.pid === null ? void act("restart") : setAsked("restart")))}
      {button("stop", "Stop", isUp(service), () => (service.pid === null ? void act("stop") : setAsked("stop")), "danger")}
      <span class="actions-gap" />
      {canReload && button("reload", "Reload", service.state === "running", () => void act("reload"))}
      {button("reset-failed", "Reset failed", isBroken(service), () => void act("reset-failed"))}
      {service.enabled
        ? button("disable", "Disable", true, () => setAsked("disable"))
        : button("enable", "Enable", true, () => void act("enable"))}
      {button("kill", "Signal…", service.pid !== null, () => setAsked("kill"))}
      {asked === "kill" && (
        <KillDialog service={service} onClose={() => setAsked(null)} onKill={(signal) => void act("kill", { signal })} />
      )}
      {asked !== null && asked !== "kill" && (
        <Confirm service={service} action={asked} onClose={() => setAsked(null)} onConfirm={(more) => void act(asked, more)} />
      )}
    </div>
  );
}

export interface Options {
  readonly cascade?: boolean;
  readonly now?: boolean;
  readonly signal?: string;
}

function tell({ outcomes, warnings }: JobResult): void {
  for (const warning of warnings) say("warning", warning);
  for (const { id, result, message } of outcomes) say(result === "failed" ? "bad" : "good", `${id}: ${message}`);
}
