import { useEffect, useState } from "preact/hooks";
import type { JobResult, Service } from "../../api/contract/shapes.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { Dialog } from "../components/dialog.tsx";
import { request } from "../state/api.ts";
import { view } from "../state/live.ts";
import { plain } from "../text.ts";

/** The actions that interrupt the users of a service. The page asks for confirmation before it sends them. */
export type DisruptiveAction = "stop" | "restart" | "disable";

export interface ActionOptions {
  readonly cascade?: boolean;
  readonly now?: boolean;
  readonly signal?: string;
}

const WORDS: Readonly<Record<DisruptiveAction, string>> = { stop: "Stop", restart: "Restart", disable: "Disable" };

interface Props {
  readonly service: Service;
  readonly action: DisruptiveAction;
  readonly onClose: () => void;
  readonly onConfirm: (options: ActionOptions) => void;
}

/** Asks for confirmation, and shows what the daemon would do according to its dry run. */
export function Confirm({ service, action, onClose, onConfirm }: Props) {
  const { id } = service;
  const [cascade, setCascade] = useState(false);
  const [now, setNow] = useState(false);
  const [plan, setPlan] = useState<JobResult | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  useEffect(() => {
    let gone = false;
    void request("jobs", { action, units: [id], cascade, now, dry_run: true }).then((answer) => {
      if (gone) return;
      setPlan(answer.ok ? answer.value : null);
      setProblem(answer.ok ? null : answer.error);
    });
    return () => void (gone = true);
  }, [id, action, cascade, now]);
  return (
    <Dialog title={`${WORDS[action]} ${id}?`} onClose={onClose}>
      {service.critical && <p class="problem">This unit is critical.</p>}
      <div class="plan" aria-live="polite">
        {problem && <p class="problem">{plain(problem.message)}</p>}
        {plan && <Plan plan={plan} />}
      </div>
      {action === "stop" && hasDependents(id) && (
        <label class="check">
          <input type="checkbox" checked={cascade} onChange={(event) => setCascade(event.currentTarget.checked)} /> First stop the running
          units that depend on it
        </label>
      )}
      {action === "disable" && service.pid !== null && (
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

const hasDependents = (id: string): boolean =>
  [...view.value.services.values()].some(({ dependencies }) => dependencies.some(({ unit }) => unit === id));

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
          {plain(warning.replace(/; --[a-z-]+ .*$/, ""))}
        </p>
      ))}
    </>
  );
}
