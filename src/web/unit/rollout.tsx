import type { RolloutStatus } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { useRequest } from "../state/use-request.ts";
import { plain } from "../text.ts";

const EVERY_MS = 1000;

type Step = "start" | "pause" | "resume" | "cancel";

/** Shows the last rolling restart of a service, and buttons that begin or control one. */
export function Rollout({ service }: { readonly service: string }) {
  const { value: answer, again } = useRequest(service, () => request("rollout", { id: service }), EVERY_MS);
  const rollout = answer?.rollout ?? null;
  const act = async (step: Step): Promise<void> => {
    const done =
      step === "start" ? await request("rollingRestart", { id: service }) : await request("controlRollout", { id: service, action: step });
    if (!done.ok) showToast("bad", done.error.message + (done.error.hint ? ` (${done.error.hint})` : ""));
    again();
  };
  return (
    <section class="card" aria-label="Rolling restart">
      <h2>Rolling restart</h2>
      {rollout !== null && <Progress rollout={rollout} />}
      {mayAct.value && <Buttons state={rollout?.state ?? null} act={(step) => void act(step)} />}
    </section>
  );
}

function Progress({ rollout }: { readonly rollout: RolloutStatus }) {
  const { generation, state, restarted, total, failure, units } = rollout;
  const starting = units.filter(({ phase }) => phase === "starting").map(({ id }) => id);
  return (
    <>
      <p>
        Rollout {generation} is {state}: {restarted} of {total} restarted{starting.length > 0 && `, ${starting.join(", ")} starting`}
      </p>
      <progress max={total} value={restarted} aria-label={`${restarted} of ${total} restarted`} />
      {failure !== null && <p class="problem">{plain(failure)}</p>}
    </>
  );
}

function Buttons({ state, act }: { readonly state: RolloutStatus["state"] | null; readonly act: (step: Step) => void }) {
  const button = (step: Step, title: string) => (
    <button type="button" class="button small" disabled={!isLive.value} onClick={() => act(step)}>
      {title}
    </button>
  );
  return (
    <div class="actions" role="group" aria-label="Rolling restart">
      {state !== "running" && state !== "paused" && button("start", "Restart one by one")}
      {state === "running" && button("pause", "Pause")}
      {state === "paused" && button("resume", "Resume")}
      {(state === "running" || state === "paused") && button("cancel", "Cancel")}
    </div>
  );
}
