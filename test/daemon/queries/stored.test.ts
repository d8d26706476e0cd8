import { expect, test } from "bun:test";
import { makeRig, type Rig } from "../rig.ts";

const AT = "2026-05-01T12:00:00.000Z";

function rigWithHistory(): Rig {
  const rig = makeRig({ web: { command: "x", environment: { DB_PASSWORD: "hunter2", PLAIN: "shown" } } });
  for (const [id, serviceId, type] of [
    [1, "web", "started"],
    [2, "gone", "exited"],
    [3, "web", "exited"],
  ] as const)
    rig.events.push({ id, serviceId, type, timestamp: AT, message: type, details: { run: id } });
  return rig;
}

for (const [what, filter, ids] of [
  ["all events", {}, [1, 2, 3]],
  ["events of a unit, by the name of its file", { service: "web.unit.json" }, [1, 3]],
  ["events of a unit that no longer exists", { service: "gone" }, [2]],
  ["events of several types", { type: "started,exited", service: "web" }, [1, 3]],
] as const) {
  test(`answers ${what}`, async () => {
    const found = await rigWithHistory().supervisor.events({ limit: 10, ...filter });
    expect(found.ok && found.value.map(({ id }) => id)).toEqual([...ids]);
  });
}

test("an event is in the words of the API", async () => {
  const found = await rigWithHistory().supervisor.events({ limit: 1 });
  const event = { id: 3, service_id: "web", event_type: "exited", timestamp: AT, message: "exited", details: { run: 3 } };
  expect(found).toEqual({ ok: true, value: [event] });
});

test("a sample has no peaks; a mean has its step and its peaks", async () => {
  const rig = rigWithHistory();
  const row = { serviceId: "web", timestamp: AT, cpuPercent: 1, memoryMb: 2, healthStatus: "healthy", responseTimeMs: 3 } as const;
  rig.metrics.push({ ...row, step: 60, cpuMax: 9 }, { ...row, step: 0, tasks: 4, reported: { queue: 5 } });
  const found = await rig.supervisor.metrics("web", "", 10);
  const point = {
    timestamp: AT,
    cpu_percent: 1,
    memory_mb: 2,
    health_status: "healthy",
    response_time_ms: 3,
    open_files: null,
    restarts: null,
  };
  expect(found).toEqual({
    ok: true,
    value: [
      { ...point, tasks: null, step: 60, cpu_max: 9, memory_max: null },
      { ...point, tasks: 4, reported: { queue: 5 } },
    ] as never,
  });
});

test("secrets of a unit file are hidden unless revealed", async () => {
  const { supervisor } = rigWithHistory();
  const hidden = await supervisor.file("web", false);
  expect(JSON.stringify(hidden)).not.toContain("hunter2");
  expect(hidden).toMatchObject({ ok: true, value: { effective: { environment: { DB_PASSWORD: "********", PLAIN: "shown" } } } });
  const shown = await supervisor.file("web", true);
  expect(shown).toMatchObject({ ok: true, value: { effective: { environment: { DB_PASSWORD: "hunter2" } } } });
  expect(shown.ok && shown.value.files[0]!.text).toContain("hunter2");
  expect(shown.ok && shown.value.sources["environment.PLAIN"]).toMatch(/^\/units\/web\.unit\.json:/);
});
