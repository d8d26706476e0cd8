import { expect, test } from "bun:test";
import type { AlertRow } from "../../../src/ports/store/alerts.ts";
import { makeRig, type Rig } from "../rig.ts";

const AT = "2026-05-01T12:00:00.000Z";
const alert = (id: number, serviceId: string | null, more: Partial<AlertRow> = {}): AlertRow => ({
  ...{ id, serviceId, severity: "warning", alertType: "degraded", message: "m", createdAt: AT, resolvedAt: null, acknowledged: false },
  ...more,
});

function rigWithAlerts(): Rig {
  const rig = makeRig({ web: { command: "x" }, db: { command: "x" } });
  rig.alerts.push(
    alert(1, "web"),
    alert(2, "web", { acknowledged: true }),
    alert(3, "db"),
    alert(4, "web", { resolvedAt: AT }),
    alert(5, null),
  );
  return rig;
}

const acknowledged = ({ alerts }: Rig): number[] => alerts.filter((one) => one.acknowledged).map(({ id }) => id);

test("alerts are listed in the words of the API, all or only the open ones", async () => {
  const { supervisor } = rigWithAlerts();
  expect((await supervisor.alerts(false)).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
  expect((await supervisor.alerts(true)).map(({ id }) => id)).toEqual([1, 2, 3, 5]);
  expect((await supervisor.alerts(true))[0]).toEqual({
    ...{ id: 1, service_id: "web", severity: "warning", alert_type: "degraded", message: "m" },
    ...{ created_at: AT, resolved_at: null, acknowledged: false },
  });
});

test("alerts are acknowledged by id; one of the daemon itself as well", async () => {
  const rig = rigWithAlerts();
  expect(await rig.supervisor.acknowledge([3, 5], [])).toEqual({ ok: true, value: 2 });
  expect(acknowledged(rig)).toEqual([2, 3, 5]);
  expect(rig.told).toEqual([
    ["alert-acknowledged", "acknowledged: degraded", "db"],
    ["alert-acknowledged", "acknowledged: degraded", null],
  ]);
});

test("all open alerts of a unit are acknowledged; the event is recorded only for the new ones", async () => {
  const rig = rigWithAlerts();
  expect(await rig.supervisor.acknowledge([], ["web"])).toEqual({ ok: true, value: 2 });
  expect(acknowledged(rig)).toEqual([1, 2]);
  expect(rig.told).toHaveLength(1);
});

for (const [what, ids, units, code] of [
  ["a resolved alert", [1, 4], [], "not-found"],
  ["an unknown id", [1, 99], [], "not-found"],
  ["an unknown unit", [1], ["nobody"], "no-such-unit"],
] as const) {
  test(`${what} is an error, and nothing is acknowledged`, async () => {
    const rig = rigWithAlerts();
    expect(await rig.supervisor.acknowledge(ids, units)).toMatchObject({ ok: false, error: { code } });
    expect(acknowledged(rig)).toEqual([2]);
    expect(rig.told).toEqual([]);
  });
}
