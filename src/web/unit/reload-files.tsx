import { useEffect, useState } from "preact/hooks";
import type { ReloadPlan } from "../../api/contract/shapes.ts";
import { Dialog } from "../components/dialog.tsx";
import { request } from "../state/api.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { plain } from "../text.ts";
import { errorWords } from "./log-source.ts";

/** A button that shows what a reload of the unit files would do, and applies it after a confirmation. */
export function ReloadFiles() {
  const [open, setOpen] = useState(false);
  if (!mayAct.value) return null;
  return (
    <>
      <button type="button" class="button small" disabled={!isLive.value} onClick={() => setOpen(true)}>
        Apply…
      </button>
      {open && <ReloadDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function ReloadDialog({ onClose }: { readonly onClose: () => void }) {
  const [plan, setPlan] = useState<ReloadPlan | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    void request("reloadUnits", { dry_run: true }).then((answer) => {
      if (answer.ok) setPlan(answer.value);
      else setProblem(errorWords(answer.error));
    });
  }, []);
  const apply = async (): Promise<void> => {
    onClose();
    await applyFiles();
  };
  return (
    <Dialog title="Apply the changed unit files?" onClose={onClose}>
      <div class="plan" aria-live="polite">
        {problem !== null && <p class="problem">{problem}</p>}
        {plan !== null && <PlanList plan={plan.units} />}
      </div>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button primary" disabled={plan === null || plan.units.length === 0} onClick={() => void apply()}>
          Apply
        </button>
      </div>
    </Dialog>
  );
}

/** Lists what a reload would do with each unit. */
export function PlanList({ plan }: { readonly plan: ReloadPlan["units"] }) {
  if (plan.length === 0) return <p class="quiet-text">Nothing changes.</p>;
  return (
    <ul class="plain-list">
      {plan.map(({ id, message }) => (
        <li key={id}>
          <b>{id}</b>: {plain(message)}
        </li>
      ))}
    </ul>
  );
}

const MOST_TOASTS = 4;

/** Applies all unit files that differ from what is in use, and shows what was done. */
export async function applyFiles(): Promise<void> {
  const answer = await request("reloadUnits", {});
  if (!answer.ok) return showToast("bad", errorWords(answer.error));
  const { units } = answer.value;
  for (const { id, message } of units.slice(0, MOST_TOASTS)) showToast("good", `${id}: ${message}`);
  if (units.length > MOST_TOASTS) showToast("good", `${units.length - MOST_TOASTS} more units: done`);
}
