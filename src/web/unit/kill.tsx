import { useState } from "preact/hooks";
import type { Service } from "../../api/contract/shapes.ts";
import { Dialog } from "../components/dialog.tsx";

const SIGNALS = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGINT", "SIGQUIT", "SIGKILL", "SIGSTOP", "SIGCONT"] as const;

interface Props {
  readonly service: Service;
  readonly onClose: () => void;
  readonly onKill: (signal: string) => void;
}

export function KillDialog({ service, onClose, onKill }: Props) {
  const [signal, setSignal] = useState<string>("SIGHUP");
  return (
    <Dialog title={`Send a signal to ${service.id}`} onClose={onClose}>
      <label class="field">
        Signal
        <select value={signal} onChange={(event) => setSignal(event.currentTarget.value)}>
          {SIGNALS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <p class="quiet-text">If the signal ends the process, the unit's restart policy applies as usual.</p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button danger solid" onClick={() => onKill(signal)}>
          Send {signal}
        </button>
      </div>
    </Dialog>
  );
}
