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

test("descriptions, commands and sentences show specifiers and variables expanded", async () => {
  const unit = {
    command: "serve",
    args: ["--state", "%S", "--as", "%i"],
    port: 8080,
    description: "instance %i on ${PORT}",
    health_check: { type: "http", endpoint: "http://127.0.0.1:${PORT}/%n" },
    watch: { paths: ["%S/conf"] },
  };
  const { supervisor, instances } = makeRig({ "web@": unit });
  expect(instances.ensure(["web@7"]).ok).toBe(true);
  const detail = await supervisor.serviceDetail("web@7", false);
  expect(detail.ok && [detail.value.description, detail.value.command]).toEqual(["instance 7 on 8080", "serve --state /state --as 7"]);
  for (const found of [await supervisor.why("web@7"), await supervisor.explain("web@7")]) {
    const policy = found.ok ? found.value.policy.join("\n") : "";
    expect(policy).toContain("Health check: GET http://127.0.0.1:8080/web@7 every");
    expect(policy).toContain("The unit restarts when /state/conf changes.");
  }
});

test("a unit whose file was removed says so", async () => {
  const rig = makeRig({ web: { command: "serve" }, db: { command: "serve" } });
  rig.files.delete("web");
  rig.files.set("db", { command: "serve", description: "new" });
  rig.catalog.refresh();
  const { services } = await rig.supervisor.status();
  expect(services.map(({ id, changed_on_disk, file_removed }) => [id, changed_on_disk, file_removed])).toEqual([
    ["db", true, false],
    ["web", true, true],
  ]);
});
