import { useEffect, useState } from "preact/hooks";
import type { JobResult, Service } from "../../api/contract/shapes.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { Dialog } from "../components/dialog.tsx";
import { type ActionOptions, hasProcess } from "./act.ts";
import { request } from "../state/api.ts";
import { view } from "../state/live.ts";
import { plural } from "../format.ts";
import { plain, withoutCommands } from "../text.ts";

/** The actions that interrupt the users of a service. The page asks for confirmation before it sends them. */
export type DisruptiveAction = "stop" | "restart" | "disable";

const WORDS: Readonly<Record<DisruptiveAction, string>> = { stop: "Stop", restart: "Restart", disable: "Disable" };

interface Props {
  readonly services: readonly Service[];
  readonly action: DisruptiveAction;
  readonly onClose: () => void;
  readonly onConfirm: (options: ActionOptions) => void;
}

/** Asks for confirmation, and shows what the daemon would do according to its dry run. */
export function Confirm({ services, action, onClose, onConfirm }: Props) {
  const ids = services.map(({ id }) => id);
  const critical = services.filter((service) => service.critical).map(({ id }) => id);
  const key = ids.join(" ");
  const [cascade, setCascade] = useState(false);
  const [now, setNow] = useState(false);
  const [plan, setPlan] = useState<JobResult | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  useEffect(() => {
    let gone = false;
    void request("jobs", { action, units: ids, cascade, now, dry_run: true }).then((answer) => {
      if (gone) return;
      setPlan(answer.ok ? answer.value : null);
      setProblem(answer.ok ? null : answer.error);
    });
    return () => void (gone = true);
  }, [key, action, cascade, now]);
  return (
    <Dialog title={`${WORDS[action]} ${ids.length === 1 ? key : plural(ids.length, "unit")}?`} onClose={onClose}>
      {critical.length > 0 && <p class="problem">{ids.length === 1 ? "This unit is critical." : `Critical: ${critical.join(", ")}.`}</p>}
      <div class="plan" aria-live="polite">
        {problem && <p class="problem">{plain(problem.message)}</p>}
        {plan && <Plan plan={plan} />}
      </div>
      {action === "stop" && hasDependents(ids) && (
        <label class="check">
          <input type="checkbox" checked={cascade} onChange={(event) => setCascade(event.currentTarget.checked)} /> First stop the running
          units that depend on {ids.length === 1 ? "it" : "them"}
        </label>
      )}
      {action === "disable" && services.some(hasProcess) && (
        <label class="check">
          <input type="checkbox" checked={now} onChange={(event) => setNow(event.currentTarget.checked)} /> Also stop it now
        </label>
      )}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button danger solid" disabled={problem !== null} onClick={() => onConfirm({ cascade, now })}>
          {WORDS[action]}
        </button>
      </div>
    </Dialog>
  );
}

const hasDependents = (ids: readonly string[]): boolean =>
  [...view.value.services.values()].some(({ dependencies }) => dependencies.some(({ unit }) => ids.includes(unit)));

function Plan({ plan }: { readonly plan: JobResult }) {
  return (
    <>
      <ul class="plain-list">
        {plan.outcomes.map(({ id, message }) => (
          <li key={id}>
            <b>{id}</b>: {plain(message)}
          </li>
        ))}
      </ul>
      {/* Cut off hints at command-line options, because this dialog has a checkbox for each of them. */}
      {plan.warnings.map((warning) => (
        <p key={warning} class="warning">
          {plain(withoutCommands(warning).replace(/; --[a-z-]+ .*$/, ""))}
        </p>
      ))}
    </>
  );
}
