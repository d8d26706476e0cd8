import { readOptional } from "../lifecycle/files.ts";
import { fileProblem, type Problem } from "../../spec/parse/problems.ts";
import { loadSettings } from "../../spec/schema/settings.ts";
import type { Dispatcher } from "./dispatcher.ts";

/**
 * Reads the settings file again and applies the settings of notifications. The other settings apply at the next start of the
 * daemon. If the file has errors, the settings stay as they are. Returns the problems of the file.
 */
export function reloadNotifications(path: string, dispatcher: Pick<Dispatcher, "configure">, isDryRun: boolean): readonly Problem[] {
  const file = readOptional(path);
  if (!file.ok) return [fileProblem(path, { message: `cannot read ${path}: ${file.error}; the settings stay as before`, hint: null })];
  const { settings, problems } = loadSettings(file.value === null ? null : { path, text: file.value });
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length === 0 && !isDryRun) dispatcher.configure(settings);
  return errors;
}
