import type { RolloutStatus } from "../../api/contract/shapes.ts";
import { request } from "../state/api.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { useRequest } from "../state/use-request.ts";
import { plain } from "../text.ts";

const EVERY_MS = 1000;

type Step = "start" | "pause" | "resume" | "cancel" | "promote" | "rollback";

/** Shows the last rolling restart of a service, and buttons that begin or control a rolling restart. */
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
      {mayAct.value && <Buttons rollout={rollout} act={(step) => void act(step)} />}
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
        {rollout.awaits_promotion && ". It waits until it is promoted or rolled back"}
      </p>
      <progress max={total} value={restarted} aria-label={`${restarted} of ${total} restarted`} />
      {failure !== null && <p class="problem">{plain(failure)}</p>}
    </>
  );
}

function Buttons({ rollout, act }: { readonly rollout: RolloutStatus | null; readonly act: (step: Step) => void }) {
  const isActive = rollout?.active === true;
  const isWaiting = rollout?.awaits_promotion === true;
  const button = (step: Step, title: string) => (
    <button type="button" class="button small" disabled={!isLive.value} onClick={() => act(step)}>
      {title}
    </button>
  );
  return (
    <div class="actions" role="group" aria-label="Rolling restart">
      {!isActive && button("start", "Restart one by one")}
      {rollout?.state === "running" && button("pause", "Pause")}
      {rollout?.state === "paused" && !isWaiting && button("resume", "Resume")}
      {isWaiting && button("promote", "Promote")}
      {isWaiting && button("rollback", "Roll back")}
      {isActive && button("cancel", "Cancel")}
    </div>
  );
}
