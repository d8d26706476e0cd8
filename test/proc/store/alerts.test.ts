/** Alerts over time and over daemons: a real world, engine, recorder and store. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { CALM_MS } from "../../../src/core/alerts/alerts.ts";
import { World } from "../../../src/core/world/world.ts";
import { Engine } from "../../../src/daemon/engine/engine.ts";
import { Recorder } from "../../../src/daemon/engine/recorder.ts";
import type { Store } from "../../../src/ports/store/store.ts";
import { makeSpec } from "../../core/fixtures.ts";
import { tempDir } from "../../harness/temp.ts";
import { mustOpen } from "./rows.ts";

/** A daemon as far as alerts go: the test says what is observed of which unit. */
class Daemon {
  readonly told: string[] = [];
  readonly store: Store;
  readonly #engine: Engine;

  constructor(path: string, time: { nowMs: number }, units: Readonly<Record<string, "up" | "down">>) {
    this.store = mustOpen(path);
    const world = new World();
    const clock = {
      monotonicMs: () => time.nowMs,
      wallMs: () => Date.UTC(2026, 0, 1) + time.nowMs,
      roll: () => 0.5,
      wakeAt: () => undefined,
    } as never;
    const bus = {
      publish: (describe: () => { kind: string; data: { event_type: string; service_id: string | null } }) => {
        const { kind, data } = describe();
        if (kind === "event" && data.event_type.startsWith("alert-")) this.told.push(`${data.event_type} ${data.service_id ?? "sup"}`);
      },
    };
    const surroundings = {
      world,
      clock,
      isEnabled: () => true,
      usage: () => undefined,
      invocationOf: () => "",
      planOf: () => undefined,
      onDisk: () => ({ changed: false, removed: false, problems: [] }),
      display: () => (text: string) => text,
    };
    const recorder = new Recorder({
      world,
      clock,
      store: this.store,
      logs: { tail: () => [], mark: () => "", runMark: () => null },
      bus: bus as never,
      around: surroundings as never,
      invocationOf: () => "",
      effective: () => undefined,
      messages: { rowsOf: () => [], accept: () => undefined },
    });
    const bug = (message: string, error: unknown): void => {
      throw new Error(message, { cause: error });
    };
    const sink = { record: recorder.record.bind(recorder), publish: recorder.publish.bind(recorder), perform: () => undefined, bug };
    this.#engine = new Engine({ world, clock, sink });
    const up = Object.keys(units).filter((id) => units[id] === "up");
    for (const id of Object.keys(units)) this.#engine.handle({ type: "load", spec: makeSpec(id) });
    this.#engine.handle({ type: "request", action: "start", ids: up, cause: "boot" });
  }

  /** Everything is loaded. */
  resume(): this {
    const open = this.store.alerts(true).map(({ id, serviceId, alertType }) => ({
      id,
      unit: serviceId ?? "",
      type: alertType,
      calmSinceMs: null,
    }));
    this.#engine.handle({ type: "resumed", open, lastId: this.store.lastAlertId });
    return this;
  }

  observes(unit: string, ...types: string[]): this {
    const conditions = types.map((type) => ({ unit, type, severity: "warning", message: `${type}!` }) as const);
    this.#engine.handle({ type: "observed", source: "log", unit, conditions });
    return this;
  }

  tick = (): void => this.#engine.handle({ type: "tick" });

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

test("one row while it lasts, however often it comes and goes; a new one after the calm, not acknowledged", () => {
  using at = scene();
  const daemon = at.daemon({ web: "up" }).resume();
  for (let i = 0; i < 10; i++) {
    daemon.observes("web", "unhealthy");
    at.time.nowMs += CALM_MS / 2;
    daemon.tick();
    daemon.observes("web");
    at.time.nowMs += CALM_MS / 2;
    daemon.tick();
  }
  expect(daemon.rows()).toEqual(["1 + web unhealthy"]);
  daemon.store.acknowledgeAlert(1);
  daemon.observes("web", "unhealthy");
  expect(daemon.rows()).toEqual(["1 +a web unhealthy"]);
  daemon.observes("web");
  at.time.nowMs += CALM_MS;
  daemon.tick();
  expect(daemon.rows()).toEqual(["1 -a web unhealthy"]);
  daemon.observes("web", "unhealthy");
  expect(daemon.rows()).toEqual(["2 + web unhealthy", "1 -a web unhealthy"]);
  expect(daemon.told).toEqual(["alert-opened web", "alert-resolved web", "alert-opened web"]);
});

test("an alert and its event are in the store together, in the transaction of their turn", () => {
  using at = scene();
  const daemon = at.daemon({ web: "up" }).resume().observes("web", "unhealthy");
  const [event] = daemon.store.events({ limit: 1, types: ["alert-opened"] });
  expect(event).toMatchObject({ serviceId: "web", message: "warning: unhealthy!", details: { alert: 1, alert_type: "unhealthy" } });
  expect(event!.timestamp).toBe(daemon.store.alerts(true)[0]!.createdAt);
});

test("before everything is loaded nothing is judged", () => {
  using at = scene();
  const daemon = at.daemon({ web: "up" }).observes("web", "unhealthy");
  expect(daemon.rows()).toEqual([]);
  expect(daemon.resume().rows()).toEqual(["1 + web unhealthy"]);
});

test("the next daemon goes on with what is open: no second row, the acknowledgement stays, what is over is resolved after a calm", () => {
  using at = scene();
  const first = at.daemon({ web: "up", db: "up" }).resume();
  first.observes("web", "failing");
  first.observes("db", "unhealthy");
  first.observes("", "store");
  first.store.acknowledgeAlert(1);
  const second = at.daemon({ web: "up", db: "up" }).observes("web", "failing").resume();
  expect(second.rows()).toEqual(["3 + sup store", "2 + db unhealthy", "1 +a web failing"]);
  at.time.nowMs += CALM_MS;
  second.tick();
  expect(second.rows()).toEqual(["3 - sup store", "2 - db unhealthy", "1 +a web failing"]);
});

test("a unit that was removed or stopped while no daemon ran has its alerts resolved at once", () => {
  using at = scene();
  const first = at.daemon({ gone: "up", stopped: "up" }).resume();
  first.observes("gone", "failing");
  first.observes("stopped", "memory-limit");
  expect(at.daemon({ stopped: "down" }).resume().rows()).toEqual(["2 - stopped memory-limit", "1 - gone failing"]);
});
