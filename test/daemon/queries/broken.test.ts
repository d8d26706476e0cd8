import { expect, test } from "bun:test";
import { makeRig, MASK } from "../rig.ts";

test("the status lists units whose files have errors; a unit that runs its last good version is not among them", async () => {
  const rig = makeRig({ web: { command: "serve" }, m5: '{"comand": "x", "foo": 1}', "t@": '{"command": 1}', off: MASK });
  rig.files.set("web", '{"command": 1}');
  rig.catalog.refresh();
  const { broken, services } = await rig.supervisor.status();
  expect(services.map(({ id }) => id)).toEqual(["web"]);
  expect(broken!.map(({ id, file, problems }) => [id, file, problems.length])).toEqual([
    ["m5", "/units/m5.unit.json", 2],
    ["t@", "/units/t@.unit.json", 1],
  ]);
  expect(broken![0]!.problems[0]).toMatch(/^\/units\/m5\.unit\.json:1:2: error: unknown key "comand"; did you mean "command"\?$/);
});

test("the error about a broken unit is one line", async () => {
  const found = await makeRig({ m5: '{"comand": "x", "foo": 1}' }).supervisor.service("m5");
  if (found.ok) throw new Error("found");
  expect(found.error.message).toMatch(/^m5 cannot be loaded: [^\n]*\(and 1 more\)$/);
});

test("a waiting unit names the state of what it waits for", async () => {
  const { supervisor, stage } = makeRig({
    db: { command: "x", restart_policy: { max_retries: 0 } },
    web: { command: "x", dependencies: ["db"] },
  });
  stage.slow.add("db");
  stage.start("web");
  const found = await supervisor.service("web");
  expect(found.ok && found.value.obstacles).toEqual([{ unit: "db", state: "starting" }]);
});
