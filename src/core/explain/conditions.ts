import type { Display } from "../../spec/load/display.ts";
import { redactString } from "../../spec/redact.ts";
import type { StartCondition } from "../../spec/spec.ts";

/**
 * Describes what conditions require, such as "Starts only if /etc/app.conf exists and `ip link` succeeds; otherwise the start
 * is skipped."
 */
export const conditionsWords = (conditions: readonly StartCondition[], display: Display): string =>
  `Starts only if ${conditions.map((condition) => stateWords(condition, !condition.not, display)).join(" and ")}; otherwise the start is skipped.`;

/** Describes the present state for a condition that is not met, such as "/etc/app.conf does not exist". */
export const unmetWords = (condition: StartCondition): string => stateWords(condition, condition.not, redactString);

/** Describes a state. `isTrue` says whether the thing that the condition names is true, regardless of `not`. */
function stateWords(condition: StartCondition, isTrue: boolean, display: Display): string {
  switch (condition.kind) {
    case "path_exists":
      return `${display(condition.path)} ${isTrue ? "exists" : "does not exist"}`;
    case "path_missing":
      return `${display(condition.path)} ${isTrue ? "does not exist" : "exists"}`;
    case "file_not_empty":
      return `${display(condition.path)} is ${isTrue ? "" : "not "}a file with content`;
    case "directory_not_empty":
      return `${display(condition.path)} is ${isTrue ? "" : "not "}a directory with content`;
    case "command": {
      const line = [condition.command, ...condition.args].map((text) => display(text)).join(" ");
      return `the command ${line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line} ${isTrue ? "succeeds" : "fails"}`;
    }
  }
}

/** Maximum number of characters of a command that are shown. */
const SHOWN = 80;
