import type { Database } from "bun:sqlite";
import { err, ok, type Result } from "../../base/result.ts";
import { connect, type OpenProblem } from "./connection.ts";
import { restore, type Salvage, salvage, setAside } from "./damage.ts";
import { troubleOf } from "./trouble.ts";

export interface Opened {
  readonly db: Database;
  readonly alone: boolean;
  readonly notes: readonly string[];
  readonly lastEventId: number;
}

/** Opens the file. A damaged one is set aside and replaced by a fresh one. */
export function connectOrReplace(path: string, wallMs: number): Result<Opened, string> {
  const first = connect(path);
  if (first.ok) return ok({ ...first.value, lastEventId: 0 });
  if (first.error.kind !== "damaged") return err(first.error.words);
  return replaceDamaged(path, wallMs, first.error);
}

function replaceDamaged(path: string, wallMs: number, problem: OpenProblem & { kind: "damaged" }): Result<Opened, string> {
  const saved = problem.half ? salvage(problem.half) : { tables: new Map(), lastEventId: 0 };
  problem.half?.close();
  const fresh = replaceFile(path, wallMs, problem.words, saved.tables);
  return fresh.ok ? ok({ ...fresh.value, lastEventId: saved.lastEventId }) : fresh;
}

/** Sets the damaged file aside and creates a fresh one with the rows of `saved`. */
export function replaceFile(path: string, wallMs: number, words: string, saved: Salvage): Result<Omit<Opened, "lastEventId">, string> {
  let aside: string;
  try {
    aside = setAside(path, wallMs);
  } catch (error) {
    return err(`${words}, and cannot set it aside: ${troubleOf(error).words}`);
  }
  const fresh = connect(path);
  if (!fresh.ok) return err(fresh.error.words);
  const restored = restore(fresh.value.db, saved);
  const carried = restored > 0 ? `${restored} rows of the daemon's own state were carried over` : "nothing could be carried over";
  return ok({ ...fresh.value, notes: [`damaged database (${words}) set aside as ${aside}; ${carried}`] });
}
