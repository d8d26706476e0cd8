import { expect, test } from "bun:test";
import fc from "fast-check";
import type { StreamChange } from "../../../src/api/contract/shapes.ts";
import { applyChange, emptyView, MAX_EVENTS, type View } from "../../../src/api/contract/view.ts";
import { aService, fakeSupervisor, NOW_ISO } from "../server/fake.ts";

const { daemon } = await fakeSupervisor().status();
const snapshot = (...ids: string[]): StreamChange => ({ kind: "snapshot", data: { daemon, services: ids.map((id) => aService(id)) } });
const service = (id: string, pid = 1): StreamChange => ({ kind: "service", data: aService(id, { pid }) });
const removed = (id: string): StreamChange => ({ kind: "removed", data: { id } });
const event = (id: number): StreamChange => ({
  kind: "event",
  data: { id, service_id: null, event_type: "x", timestamp: NOW_ISO, message: "", details: {} },
});
const metrics = (id: string, cpu: number): StreamChange => ({
  kind: "metrics",
  data: [{ id, cpu_percent: cpu, memory_mb: 1, tasks: 2, open_files: 7 }],
});

/** Ids from 10 on. */
const fold = (...changes: StreamChange[]): View => changes.reduce((view, change, i) => applyChange(view, 10 + i, change), emptyView());

test("a view is stale and ignores changes before its first snapshot", () => {
  const view = applyChange(emptyView(), 5, service("web"));
  expect(view.stale).toBe(true);
  expect(view.services.size).toBe(0);
  expect(view.lastId).toBe(null);
});

test("a snapshot replaces everything; changes replace, append or remove units; metrics go to their unit", () => {
  const view = fold(
    snapshot("a", "b"),
    service("a", 99),
    service("c"),
    removed("b"),
    metrics("c", 42),
    metrics("gone", 1),
    removed("gone"),
    event(7),
  );
  expect([...view.services.keys()]).toEqual(["a", "c"]);
  expect(view.services.get("a")?.pid).toBe(99);
  expect(view.services.get("c")).toMatchObject({ cpu_percent: 42, memory_mb: 1, tasks: 2, open_files: 7 });
  expect(view.events.map(({ id }) => id)).toEqual([7]);
  expect(view.stale).toBe(false);
  expect(view.lastId).toBe(17);
  expect(view.daemon?.version).toBe("0.1.0");
});

test("units that could not be loaded, and the daemon's notes, come with a snapshot and change with the files", () => {
  const unit = { id: "m5", file: "/u/m5.unit.json", problems: ["/u/m5.unit.json:2: error: x"] };
  const files = (...broken: (typeof unit)[]): StreamChange => ({
    kind: "files",
    data: { notes: broken.map(({ id }) => id), masked: [], broken },
  });
  const view = fold(snapshot("a"), files(unit));
  expect(view.broken).toEqual([unit]);
  expect(view.daemon).toEqual({ ...daemon, notes: ["m5"] });
  expect(fold(snapshot("a"), files(unit), files())).toMatchObject({ broken: [], daemon: { notes: [] } });
  expect(fold({ kind: "snapshot", data: { daemon, services: [], broken: [unit] } }).broken).toEqual([unit]);
});

for (const id of [10, 12, 9]) {
  test(`after id 10 the id ${id} makes the view stale: it keeps its state until a snapshot`, () => {
    const before = fold(snapshot("a"));
    const stale = applyChange(before, id, removed("a"));
    expect(stale.stale).toBe(true);
    expect(stale.lastId).toBe(10);
    expect(stale.services).toBe(before.services);
    expect(applyChange(stale, 11, removed("a")).services.size).toBe(1);
    const fresh = applyChange(stale, 50, snapshot("b"));
    expect(fresh.stale).toBe(false);
    expect(fresh.lastId).toBe(50);
    expect([...fresh.services.keys()]).toEqual(["b"]);
  });
}

test("only the newest events are kept", () => {
  const view = fold(snapshot(), ...Array.from({ length: MAX_EVENTS + 5 }, (_, i) => event(i)));
  expect(view.events.length).toBe(MAX_EVENTS);
  expect(view.events[0]?.id).toBe(5);
  expect(view.events.at(-1)?.id).toBe(MAX_EVENTS + 4);
});

const anId = fc.constantFrom("a", "b", "c");
const aChange = fc.oneof(
  fc.tuple(anId, fc.nat(9)).map(([id, pid]) => service(id, pid)),
  anId.map(removed),
  fc.tuple(anId, fc.nat(9)).map(([id, cpu]) => metrics(id, cpu)),
  fc.nat().map(event),
);

test("for any changes: the fold from a snapshot equals a snapshot of the fold, and no view is changed in place", () => {
  fc.assert(
    fc.property(fc.array(aChange, { maxLength: 30 }), fc.nat(30), (changes, cut) => {
      const start = fold(snapshot("a", "b"));
      const frozen = JSON.stringify([...start.services]);
      const run = (view: View, some: StreamChange[]): View => some.reduce((now, change) => applyChange(now, now.lastId! + 1, change), view);
      const whole = run(start, changes);
      const half = run(start, changes.slice(0, cut));
      const again = applyChange(half, half.lastId!, {
        kind: "snapshot",
        data: { daemon: half.daemon!, services: [...half.services.values()] },
      });
      expect(run(again, changes.slice(cut))).toEqual(whole);
      expect(JSON.stringify([...start.services])).toBe(frozen);
    }),
  );
});

test("for any lost or repeated change: the view is stale from there on", () => {
  fc.assert(
    fc.property(fc.array(aChange, { minLength: 2, maxLength: 20 }), fc.nat(), fc.boolean(), (changes, at, twice) => {
      const numbered = changes.map((change, i) => ({ id: 11 + i, change }));
      const i = at % (numbered.length - 1);
      numbered.splice(i, 1, ...(twice ? [numbered[i]!, numbered[i]!] : []));
      const view = numbered.reduce((now, { id, change }) => applyChange(now, id, change), fold(snapshot("a")));
      expect(view.stale).toBe(true);
      expect(view.lastId).toBe(10 + i + (twice ? 1 : 0));
    }),
  );
});
