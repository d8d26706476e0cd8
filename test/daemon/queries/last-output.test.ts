import { expect, test } from "bun:test";
import { LastOutput } from "../../../src/daemon/queries/last-output.ts";
import { makeRig } from "../rig.ts";
import type { EventRow } from "../../../src/ports/store/events.ts";

const exited = (run: number, lines: readonly string[]): EventRow => ({
  ...{ id: run, serviceId: "web", type: "exited", timestamp: "2026-05-01T12:00:00.000Z", message: "exit code 1" },
  details: { run, last_lines: lines },
});

test("the row of a unit that is down after a failure has the line of its output that says why", async () => {
  const rig = makeRig({ web: { command: "serve", restart_policy: { max_retries: 0 } } });
  rig.stage.start("web").pass(100);
  expect(await rig.supervisor.service("web")).toMatchObject({ ok: true, value: { last_line: null } });
  rig.stage.exits("web", 3);
  rig.events.push(exited(1, ["up", "error: no key"]));
  expect(await rig.supervisor.service("web")).toMatchObject({ ok: true, value: { state: "fatal", last_line: "error: no key" } });
});

test("the line of an earlier run does not count for a run that printed nothing, and each run is looked up once", () => {
  let reads = 0;
  const output = new LastOutput({ events: () => (reads++, [exited(1, ["error: old"])]) });
  expect(output.of("web", 2)).toBeNull();
  expect(output.of("web", 2)).toBeNull();
  expect(reads).toBe(1);
  expect(output.of("web", 1)).toBe("error: old");
  output.note("web", 3, ["error: new"]);
  expect(output.of("web", 3)).toBe("error: new");
  output.forget("web");
  expect(output.of("web", 3)).toBeNull();
});
