import { useState } from "preact/hooks";
import type { Action, Service } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { act, type ActionOptions, hasProcess, isUp } from "./act.ts";
import { Confirm, type DisruptiveAction } from "./confirm.tsx";
import { KillDialog } from "./kill.tsx";
import { useRequest } from "../state/use-request.ts";

const isBroken = ({ state }: Service): boolean => state === "failed" || state === "fatal" || state === "backoff";

/**
 * Shows the buttons for a unit. A button that does not apply to the current state is disabled rather than hidden, so that buttons
 * never move. On a narrow screen the less common buttons are shown on request.
 */
export function Actions({ service }: { readonly service: Service }) {
  const [busy, setBusy] = useState<Action | null>(null);
  const [dialog, setDialog] = useState<DisruptiveAction | "kill" | null>(null);
  const [more, setMore] = useState(false);
  const { id } = service;
  const file = useRequest(id, () => request("serviceFile", { id }));
  const isRunning = hasProcess(service);
  const canReload = file.value?.effective.reload != null;
  if (!mayAct.value) return <div class="actions" />;
  const send = async (action: Action, options: ActionOptions = {}): Promise<void> => {
    setDialog(null);
    setBusy(action);
    await act(action, [id], options);
    setBusy(null);
  };
  const off = (possible: boolean): boolean => !possible || !isLive.value;
  const button = (action: Action, title: string, possible: boolean, onClick: () => void, tone = ""): preact.JSX.Element => (
    <button type="button" class={`button ${tone}`} disabled={off(possible)} aria-busy={busy === action} onClick={onClick}>
      {title}
    </button>
  );
  return (
    <div class="actions" role="group" aria-label={`Actions on ${id}`}>
      {button("start", "Start", service.state !== "running", () => void send("start"), "primary")}
      {button("restart", "Restart", true, () => (isRunning ? setDialog("restart") : void send("restart")))}
      {button("stop", "Stop", isUp(service), () => (isRunning ? setDialog("stop") : void send("stop")), "danger")}
      <button
        type="button"
        class="button actions-more"
        aria-expanded={more}
        aria-label={more ? "Fewer actions" : "More actions"}
        onClick={() => setMore(!more)}
      >
        {more ? "Less" : "More"}
      </button>
      <span class={`actions-rest ${more ? "actions-open" : ""}`}>
        {canReload && button("reload", "Reload", service.state === "running", () => void send("reload"))}
        {button("reset-failed", "Reset failed", isBroken(service), () => void send("reset-failed"))}
        {service.enabled
          ? button("disable", "Disable", true, () => setDialog("disable"))
          : button("enable", "Enable", true, () => void send("enable"))}
        {button("kill", "Signal…", service.pid !== null, () => setDialog("kill"))}
      </span>
      {dialog === "kill" && (
        <KillDialog service={service} onClose={() => setDialog(null)} onKill={(signal) => void send("kill", { signal })} />
      )}
      {dialog !== null && dialog !== "kill" && (
        <Confirm services={[service]} action={dialog} onClose={() => setDialog(null)} onConfirm={(options) => void send(dialog, options)} />
      )}
    </div>
  );
}
