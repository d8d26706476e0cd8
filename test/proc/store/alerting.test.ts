/** Alerts over time and over daemons, in a real store. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { CALM_MS, type AlertCondition } from "../../../src/core/alerts/alerts.ts";
import type { Turn, World } from "../../../src/core/world/world.ts";
import { Alerting } from "../../../src/daemon/background/alerting.ts";
import type { Store } from "../../../src/ports/store/store.ts";
import { tempDir } from "../../harness/temp.ts";
import { mustOpen } from "./rows.ts";

/** A daemon as far as alerts go: what is wrong with which unit is the test's to say. */
class Daemon {
  readonly wrong = new Map<string, AlertCondition[]>();
  readonly told: string[] = [];
  readonly store: Store;
  readonly #alerting: Alerting;
  #look: (turn: Turn) => void = () => undefined;

  constructor(path: string, time: { nowMs: number }, units: Readonly<Record<string, "up" | "down">>) {
    this.store = mustOpen(path);
    const entries = new Map(Object.entries(units).map(([id, want]) => [id, { unit: { want } }]));
    this.#alerting = new Alerting({
      world: { get: (id: string) => entries.get(id), entries: () => entries } as unknown as World,
      clock: { monotonicMs: () => time.nowMs, wallMs: () => Date.UTC(2026, 0, 1) + time.nowMs } as never,
      store: this.store,
      recorder: { tell: (type, _, unit) => void this.told.push(`${type} ${unit ?? "sup"}`) },
      engine: { watch: (look) => ((this.#look = look), () => undefined) },
      conditionsOf: (id) => this.wrong.get(id) ?? [],
    });
    this.#alerting.start();
  }

  goes(unit: string, ...types: string[]): void {
    const concern = (type: string): AlertCondition => ({ unit, type, severity: "warning", message: `${type}!` });
    this.wrong.set(unit, types.map(concern));
    this.#look({ changed: new Set([unit]), removed: new Set() } as unknown as Turn);
  }

  tick = (): void => this.#alerting.tick();

  /** `+` open, `-` resolved, `a` acknowledged. */
  rows(): string[] {
    const mark = (row: { resolvedAt: string | null; acknowledged: boolean }): string =>
      `${row.resolvedAt === null ? "+" : "-"}${row.acknowledged ? "a" : ""}`;
    return this.store.alerts(false).map((row) => `${row.id} ${mark(row)} ${row.serviceId ?? "sup"} ${row.alertType}`);
  }
}

function scene() {
  const dir = tempDir();
  const time = { nowMs: 0 };
  const daemons: Daemon[] = [];
  return {
    time,
    daemon(units: Readonly<Record<string, "up" | "down">>): Daemon {
      daemons.at(-1)?.store.close();
      const daemon = new Daemon(join(dir.path, "sup.db"), time, units);
      daemons.push(daemon);
      return daemon;
    },
    [Symbol.dispose]() {
      daemons.at(-1)?.store.close();
      dir[Symbol.dispose]();
    },
  };
}

test("one row while it lasts, however often it comes and goes; a new one after the calm, not acknowledged", async () => {
  using at = scene();
  const daemon = at.daemon({ web: "up" });
  for (let i = 0; i < 10; i++) {
    daemon.goes("web", "unhealthy");
    at.time.nowMs += CALM_MS / 2;
    daemon.tick();
    daemon.goes("web");
    at.time.nowMs += CALM_MS / 2;
    daemon.tick();
  }
  expect(daemon.rows()).toEqual(["1 + web unhealthy"]);
  daemon.store.acknowledgeAlert(1);
  daemon.goes("web", "unhealthy");
  expect(daemon.rows()).toEqual(["1 +a web unhealthy"]);
  daemon.goes("web");
  at.time.nowMs += CALM_MS;
  daemon.tick();
  expect(daemon.rows()).toEqual(["1 -a web unhealthy"]);
  daemon.goes("web", "unhealthy");
  expect(daemon.rows()).toEqual(["2 + web unhealthy", "1 -a web unhealthy"]);
  await Promise.resolve();
  expect(daemon.told).toEqual(["alert-opened web", "alert-resolved web", "alert-opened web"]);
});

test("the next daemon goes on with what is open: no second row, the acknowledgement stays, what is over is resolved after a calm", () => {
  using at = scene();
  const first = at.daemon({ web: "up", db: "up" });
  first.goes("web", "failing");
  first.goes("db", "unhealthy");
  first.goes("", "store");
  first.store.acknowledgeAlert(1);
  const second = at.daemon({ web: "up", db: "up" });
  second.goes("web", "failing");
  expect(second.rows()).toEqual(["3 + sup store", "2 + db unhealthy", "1 +a web failing"]);
  at.time.nowMs += CALM_MS;
  second.tick();
  expect(second.rows()).toEqual(["3 - sup store", "2 - db unhealthy", "1 +a web failing"]);
});

test("a unit that was removed or stopped while no daemon ran has its alerts resolved at once", () => {
  using at = scene();
  const first = at.daemon({ gone: "up", stopped: "up" });
  first.goes("gone", "failing");
  first.goes("stopped", "memory-limit");
  expect(at.daemon({ stopped: "down" }).rows()).toEqual(["2 - stopped memory-limit", "1 - gone failing"]);
});
