import { escapeText } from "../../spec/load/specifiers.ts";
import type { ImportDraft, UnitDraft } from "./draft.ts";
import { posix } from "./paths.ts";
import type { SourceFiles } from "./types.ts";

/** What runit and s6 have in common: a directory per service, whose script `run` becomes the service. */

export interface ServiceDirectory {
  readonly unit: UnitDraft;
  readonly path: string;
  readonly files: SourceFiles;
}

export const inside = (path: string, name: string): string => posix.join(path, name);

/**
 * Makes a unit for the script `run`, or refuses the directory. Both supervisors start the script in the script's directory,
 * and restart it without a limit.
 */
export function runScript(draft: ImportDraft, path: string, files: SourceFiles): ServiceDirectory | null {
  const run = inside(path, "run");
  if (files.kind(run) !== "file") {
    draft.refuse(path, "cannot import the service: it has no file run");
    return null;
  }
  const name = posix.basename(path);
  const unit = draft.unit(name, name, path);
  const first = (files.read(run) ?? "").split("\n", 1)[0]!;
  unit.argv([run]);
  unit.set("working_directory", escapeText(path));
  if (files.isExecutable(run)) unit.carried("run", "command", run);
  else unit.approximated("run", run, "the file is not executable, so that neither supervisor can start it", `chmod +x ${run}`);
  if (!first.startsWith("#!")) unit.notes.push("the file run has no #! line; a program that is no script is fine");
  unit.set("enabled", true);
  unit.set("restart_on_exit", true);
  unit.set("restart_policy", { max_retries: -1, retry_delay: 1, backoff_multiplier: 1 });
  unit.set("graceful_shutdown.kill_mode", "mixed");
  unit.carried("restart", "restart_on_exit, restart_policy: without a limit, after a second", path);
  return { unit, path, files };
}

/** Imports the script `finish`, which runs after each end of `run`. */
export function finishScript({ unit, path, files }: ServiceDirectory): void {
  const finish = inside(path, "finish");
  if (files.kind(finish) !== "file") return;
  unit.list("post_stop").push({ command: escapeText(finish) });
  unit.approximated(
    "finish",
    finish,
    "post_stop: the script gets no arguments (exit code and signal)",
    /\$[12@*]/.test(files.read(finish) ?? "") ? "the script uses its arguments; change it" : null,
  );
}

/** Reports a logger, which is another service that reads the output. */
export function logger({ unit, path, files }: ServiceDirectory): void {
  const run = inside(path, "log/run");
  if (files.kind(run) === null) return;
  unit.approximated("log/run", run, "sup logs the output by itself, with rotation: `sup logs`", 'see "log" for sizes');
}
