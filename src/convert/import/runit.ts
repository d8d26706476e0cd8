import { escapeText } from "../../spec/load/specifiers.ts";
import { ImportDraft } from "./draft.ts";
import { finishScript, inside, logger, runScript } from "./service-directory.ts";
import type { SourceFiles } from "./types.ts";

export const isRunitDirectory = (path: string, files: SourceFiles): boolean => files.kind(inside(path, "run")) === "file";

/** Imports service directories of runit (runsv(8)). */
export function importRunit(paths: readonly string[], files: SourceFiles): ImportDraft {
  const draft = new ImportDraft();
  for (const path of paths) {
    const service = runScript(draft, path, files);
    if (service === null) continue;
    const { unit } = service;
    finishScript(service);
    logger(service);
    for (const name of files.list(path)) {
      const where = inside(path, name);
      if (name === "down") {
        unit.set("enabled", false);
        unit.carried("down", "enabled", where);
      } else if (name === "check" && files.kind(where) === "file") {
        unit.set("health_check", { type: "exec", command: escapeText(where), action: "none" });
        unit.approximated("check", where, "health_check: sup runs it regularly, and only raises an alert if it fails");
      } else if (name === "control")
        for (const signal of files.list(where))
          unit.drop(`control/${signal}`, inside(where, signal), "sup sends signals itself", 'see "reload" and "graceful_shutdown"');
      else if (name === "env" && files.kind(where) === "directory")
        unit.approximated("env", where, "the script run reads the directory itself, with chpst or envdir", "keep the package installed");
      else if (!/^(run|finish|log|supervise|conf|\..*)$/.test(name)) unit.carried(name, "the scripts of the service may read it", where);
    }
    if (/\bchpst\b/.test(files.read(inside(path, "run")) ?? ""))
      unit.approximated(
        "run",
        inside(path, "run"),
        "the script uses chpst, which belongs to runit",
        'keep runit installed, or use "user", "limits" and "environment"',
      );
  }
  return draft;
}
