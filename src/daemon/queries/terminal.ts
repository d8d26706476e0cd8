import type { ApiError } from "../../api/contract/errors.ts";
import type { TerminalClient, Unsubscribe } from "../../api/server/supervisor.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Terminals } from "../../ports/terminals.ts";
import { isTransient } from "../units/transients.ts";
import type { TerminalViewers } from "../engine/terminal-viewers.ts";

export interface TerminalOptions {
  readonly world: Pick<World, "get">;
  readonly logs: Pick<LogStore, "open">;
  readonly terminals: Pick<Terminals, "has">;
  readonly viewers: TerminalViewers;
}

/** Attaches a client to the terminal of a unit. A transient unit may be attached to before it is started. */
export function attachClient(
  id: string,
  client: TerminalClient,
  { world, logs, terminals, viewers }: TerminalOptions,
): Result<Unsubscribe, ApiError> {
  const { spec, unit } = world.get(id)!;
  if (!spec.tty)
    return err({
      code: "conflict",
      message: `${id} has no terminal`,
      hint: `set "tty": true in its file, then run \`sup reload\`; \`sup logs -f ${id}\` shows its output`,
    });
  const isNew = isTransient(spec) && unit.run === 0;
  if (!isNew && !terminals.has(id)) {
    const state = stateOf(unit);
    const hint = state === "running" ? `restart it with \`sup restart ${id}\`` : `start it with \`sup start ${id}\``;
    return err({ code: "conflict", message: `${id} has no terminal at present: it is ${state}`, hint });
  }
  logs.open(id, spec.log);
  return ok(viewers.attach(id, client));
}
