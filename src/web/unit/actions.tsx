import { useState } from "preact/hooks";
import type { Action, JobResult, Service } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { Confirm, type ActionOptions, type DisruptiveAction } from "./confirm.tsx";
import { KillDialog } from "./kill.tsx";
import { useRequest } from "../state/use-request.ts";

const isUp = ({ state }: Service): boolean => state === "running" || state === "starting" || state === "stopping" || state === "backoff";
const isBroken = ({ state }: Service): boolean => state === "failed" || state === "fatal" || state === "backoff";

/**
 * Shows the buttons for a unit. A button that does not apply to the current state is disabled rather than hidden, so that buttons
 * never move.
 */
export function Actions({ service }: { readonly service: Service }) {
  const [busy, setBusy] = useState<Action | null>(null);
  const [dialog, setDialog] = useState<DisruptiveAction | "kill" | null>(null);
  const { id } = service;
  const file = useRequest(id, () => request("serviceFile", { id }));
  const isRunning = service.pid !== null || (service.ready ?? 0) > 0;
  const canReload = file.value?.effective.reload != null;
  if (!mayAct.value) return <div class="actions" />;
  const act = async (action: Action, options: ActionOptions = {}): Promise<void> => {
    setDialog(null);
    setBusy(action);
    const answer = await request("jobs", { action, units: [id], ...options });
    setBusy(null);
    if (!answer.ok) showToast("bad", answer.error.message + (answer.error.hint ? ` (${answer.error.hint})` : ""));
    else showOutcomes(answer.value);
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
      {button("restart", "Restart", true, () => (isRunning ? setDialog("restart") : void act("restart")))}
      {button("stop", "Stop", isUp(service), () => (isRunning ? setDialog("stop") : void act("stop")), "danger")}
      <span class="actions-gap" />
      {canReload && button("reload", "Reload", service.state === "running", () => void act("reload"))}
      {button("reset-failed", "Reset failed", isBroken(service), () => void act("reset-failed"))}
      {service.enabled
        ? button("disable", "Disable", true, () => setDialog("disable"))
        : button("enable", "Enable", true, () => void act("enable"))}
      {button("kill", "Signal…", service.pid !== null, () => setDialog("kill"))}
      {dialog === "kill" && (
        <KillDialog service={service} onClose={() => setDialog(null)} onKill={(signal) => void act("kill", { signal })} />
      )}
      {dialog !== null && dialog !== "kill" && (
        <Confirm service={service} action={dialog} onClose={() => setDialog(null)} onConfirm={(options) => void act(dialog, options)} />
      )}
    </div>
  );
}

function showOutcomes({ outcomes, warnings }: JobResult): void {
  for (const warning of warnings) showToast("warning", warning);
  for (const { id, result, message } of outcomes) showToast(result === "failed" ? "bad" : "good", `${id}: ${message}`);
}
