import type { ExportDraft } from "../draft.ts";
import { conditionLine } from "../systemd/conditions.ts";
import type { Line } from "../systemd/context.ts";
import { seconds } from "../systemd/quote.ts";
import { exportRestarts, type ServiceLinesOf } from "../systemd/restarts.ts";
import { onFatal, resources } from "../systemd/service.ts";
import type { Texts } from "../text.ts";

/** Returns the lines of `[Service]` and of `[Unit]`. Podman's generator passes both to systemd as they are. */
export function exportService(draft: ExportDraft, texts: Texts): { readonly lines: readonly Line[]; readonly unit: readonly Line[] } {
  const { spec } = draft;
  const lines: Line[] = [];
  if (spec.type === "oneshot") lines.push(["Type", "oneshot"]);
  if (spec.remainAfterExit) lines.push(["RemainAfterExit", "yes"]);
  draft.carried("remain_after_exit", "RemainAfterExit");
  const { nice } = spec.identity;
  if (nice !== null) lines.push(["Nice", String(nice)]);
  draft.approximated("nice", "Nice: the container inherits it from Podman");
  const unit = [...conditions(draft, texts), ...exportRestarts({ draft, lines }, timeouts), ...onFatal(draft)];
  resources(draft, lines);
  return { lines, unit };
}

function conditions(draft: ExportDraft, texts: Texts): Line[] {
  const lines: Line[] = [];
  for (const condition of draft.spec.conditions) {
    if (condition.kind === "command") {
      draft.dropped(
        "conditions",
        "ExecCondition= would run on the machine and not in the container",
        "check the condition in a script of the image",
      );
      continue;
    }
    const line = conditionLine({ draft, texts }, condition);
    if (line === null) continue;
    lines.push(line);
    draft.approximated("conditions", `${line[0]}: the path is one of the machine, and not of the image`);
  }
  return lines;
}

/** Podman sends the stop signal by itself. systemd must wait a little longer than Podman does. */
function timeouts({ draft, lines }: ServiceLinesOf): void {
  const { startTimeoutMs, stop } = draft.spec;
  if (startTimeoutMs !== null) lines.push(["TimeoutStartSec", seconds(startTimeoutMs)]);
  draft.carried("start_timeout", "TimeoutStartSec");
  lines.push(["TimeoutStopSec", String(Math.ceil(stop.timeoutMs / 1000) + 10)]);
}
