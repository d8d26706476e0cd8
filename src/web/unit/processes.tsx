import { useEffect, useState } from "preact/hooks";
import type { Service, ServiceProcess } from "../../api/contract/shapes.ts";
import { mebibytes, percent } from "../format.ts";
import { request } from "../state/api.ts";
import { onChange } from "../state/live.ts";
import { clip, plain } from "../text.ts";

const MOST_SHOWN = 50;

/** Shows the processes of the unit with their CPU and memory. The main process comes first. */
export function Processes({ service }: { readonly service: Service }) {
  const processes = useProcesses(service);
  const shown = processes.toSorted((a, b) => Number(b.pid === service.pid) - Number(a.pid === service.pid)).slice(0, MOST_SHOWN);
  return (
    <>
      <h2>Processes</h2>
      {shown.length === 0 ? (
        <p class="quiet-text">No processes.</p>
      ) : (
        <table class="processes">
          <thead>
            <tr>
              <th>Name</th>
              <th class="num">PID</th>
              <th class="num">CPU</th>
              <th class="num">Memory</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ pid, name, cpu_percent, memory_mb }) => (
              <tr key={pid}>
                <td class="wrap">
                  {plain(clip(name, 100).text)}
                  {pid === service.pid && <span class="quiet-text"> main</span>}
                </td>
                <td class="num">{pid}</td>
                <td class="num">{percent(cpu_percent)}</td>
                <td class="num">{mebibytes(memory_mb)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {processes.length > MOST_SHOWN && <p class="quiet-text">and {processes.length - MOST_SHOWN} more</p>}
    </>
  );
}

/**
 * Returns the processes of a unit. Loads them again when the unit starts or stops, and when the daemon reports new samples,
 * because the usage does not change more often. A hidden page does not load them.
 */
function useProcesses({ id, pid }: Service): readonly ServiceProcess[] {
  const [processes, setProcesses] = useState<readonly ServiceProcess[]>([]);
  useEffect(() => {
    let gone = false;
    let busy = false;
    const load = async (): Promise<void> => {
      if (busy || document.hidden) return;
      busy = true;
      const answer = await request("processes", { id });
      busy = false;
      if (!gone && answer.ok) setProcesses(answer.value);
    };
    void load();
    const stop = onChange((change) => void ((change.kind === "metrics" || change.kind === "snapshot") && load()));
    return () => {
      gone = true;
      stop();
    };
  }, [id, pid]);
  return processes;
}
