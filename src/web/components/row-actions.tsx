import { signal } from "@preact/signals";
import type { Service } from "../../api/contract/shapes.ts";
import { hrefOf, logsHref } from "../route.ts";
import { isLive } from "../state/live.ts";
import { clearSelection, selection } from "../state/selection.ts";
import { mayAct } from "../state/session.ts";
import { act, hasProcess, isUp } from "../unit/act.ts";
import { Confirm } from "../unit/confirm.tsx";
import { plural } from "../format.ts";

type RowAction = "start" | "restart" | "stop";

const TITLES: Readonly<Record<RowAction, string>> = { start: "Start", restart: "Restart", stop: "Stop" };
/** The action that waits for confirmation, or null. */
const asked = signal<{ readonly action: "restart" | "stop"; readonly services: readonly Service[] } | null>(null);

/** Starts units at once. Asks for confirmation before units that run are stopped or restarted. */
function begin(action: RowAction, services: readonly Service[]): void {
  if (action !== "start" && services.some(hasProcess)) asked.value = { action, services };
  else void send(action, services);
}

async function send(action: RowAction, services: readonly Service[], options = {}): Promise<void> {
  asked.value = null;
  await act(
    action,
    services.map(({ id }) => id),
    options,
  );
}

/** Shows the buttons at the end of a unit's row. They are reached by pointer; with the keyboard, units are selected first. */
export function RowActions({ service }: { readonly service: Service }) {
  const button = (action: RowAction) => (
    <button
      type="button"
      class="row-button"
      tabIndex={-1}
      disabled={!isLive.value}
      aria-label={`${TITLES[action]} ${service.id}`}
      onClick={() => begin(action, [service])}
    >
      {TITLES[action]}
    </button>
  );
  return (
    <span class="c-actions" role="gridcell">
      {mayAct.value && (
        <>
          {button(isUp(service) ? "stop" : "start")}
          {button("restart")}
        </>
      )}
      <a class="row-logs" href={logsHref(service)} tabIndex={-1} aria-label={`Logs of ${service.id}`}>
        Logs
      </a>
    </span>
  );
}

/** Shows the actions on the selected units, above the end of the list, and the dialog that asks for confirmation. */
export function SelectionBar({ services }: { readonly services: readonly Service[] }) {
  const chosen = services.filter(({ id }) => selection.value.has(id));
  const button = (action: RowAction, possible: boolean) => (
    <button
      type="button"
      class={`button small ${action === "stop" ? "danger" : ""}`}
      disabled={!possible || !isLive.value}
      onClick={() => begin(action, chosen)}
    >
      {TITLES[action]}
    </button>
  );
  return (
    <>
      {chosen.length > 0 && mayAct.value && (
        <div class="selection" role="group" aria-label="Actions on the selected units">
          <b>{plural(chosen.length, "unit")} selected</b>
          {button(
            "start",
            chosen.some((service) => service.state !== "running"),
          )}
          {button("restart", true)}
          {button("stop", chosen.some(isUp))}
          <a class="button small" href={hrefOf({ page: "logs", units: chosen.map(({ id }) => id) })}>
            Logs
          </a>
          <button type="button" class="button quiet small" onClick={clearSelection}>
            Clear selection
          </button>
        </div>
      )}
      {asked.value && (
        <Confirm
          services={asked.value.services}
          action={asked.value.action}
          onClose={() => (asked.value = null)}
          onConfirm={(options) => asked.value && void send(asked.value.action, asked.value.services, options)}
        />
      )}
    </>
  );
}
