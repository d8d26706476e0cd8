import { exportCompose } from "./compose/compose.ts";
import { exportKubernetes } from "./kubernetes/kubernetes.ts";
import { exportNomad } from "./nomad/nomad.ts";
import { exportQuadlet } from "./quadlet/quadlet.ts";
import { exportSupervisord } from "./supervisord/supervisord.ts";
import { exportSystemd } from "./systemd/systemd.ts";
import type { Exported, ExportInput, ExportOptions, Target } from "./types.ts";

/** Exports units to the files of another supervisor or orchestrator. */
export function exportUnits(target: Target, input: ExportInput, options: ExportOptions): Exported {
  switch (target) {
    case "systemd":
      return exportSystemd(input, options);
    case "supervisord":
      return exportSupervisord(input, options);
    case "kubernetes":
      return exportKubernetes(input, options);
    case "nomad":
      return exportNomad(input, options);
    case "compose":
      return exportCompose(input, options);
    case "quadlet":
      return exportQuadlet(input, options);
  }
}
