import type { Alert } from "../../api/contract/shapes.ts";
import { acknowledge } from "../state/alerts.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";

interface AckButtonProps {
  readonly alerts: readonly Alert[];
  /** The unit that has the alerts, or `sup` for alerts without a unit. */
  readonly of: string;
  readonly isQuiet?: boolean;
}

/** A button that acknowledges alerts. Nothing if there are none, or if the user may not act. */
export function AckButton({ alerts, of, isQuiet = false }: AckButtonProps) {
  if (alerts.length === 0 || !mayAct.value) return null;
  return (
    <button
      type="button"
      class={`button ${isQuiet ? "quiet " : ""}small`}
      disabled={!isLive.value}
      title="Acknowledge the alert"
      aria-label={`Ack ${alerts.length === 1 ? "alert" : "alerts"} of ${of}`}
      onClick={() => void acknowledge(alerts.map(({ id }) => id))}
    >
      Ack
    </button>
  );
}
