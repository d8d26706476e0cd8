import { EXIT } from "../../api/contract/errors.ts";
import type { OnFatal } from "../../base/words.ts";
import type { Parts } from "../compose/compose.ts";
import { codeOf } from "./exit-on.ts";

/**
 * Calls `end` when a unit becomes `fatal` or `failed`, if the unit has `on_fatal: shutdown`, or if it is critical and
 * `on_critical_fatal` is set.
 */
export function watchFatal(
  { engine, world }: Pick<Parts, "engine" | "world">,
  onCriticalFatal: OnFatal,
  end: (by: string, code: number) => void,
): void {
  const check = (ids: Iterable<string>): void => {
    for (const id of ids) {
      const entry = world.get(id);
      if (entry?.unit.phase !== "fatal" && entry?.unit.phase !== "failed") continue;
      const { spec, unit } = entry;
      if (spec.onFatal === "shutdown") end(`on_fatal: ${id} is ${unit.phase}`, codeOf(unit));
      else if (spec.critical && onCriticalFatal === "shutdown") end(`on_critical_fatal: ${id} is ${unit.phase}`, EXIT.failed);
    }
  };
  engine.watch((turn) => check(turn.changed));
  check(world.ids());
}
