/** `sup up`: a directory in the foreground. */
import { expect, test } from "bun:test";
import { SUP } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { printed, says, up } from "./rig.ts";

test.each(["SIGINT", "SIGTERM"] as const)(
  "prints what units write with their names; %s stops all in order and ends with 0",
  async (signal) => {
    await using one = up({ db: says("db"), web: says("web", { dependencies: ["db"] }) });
    await printed(one, "db up", "web up");
    expect(one.text()).toMatch(/^db +\S* ?.*db up$/m);
    expect(one.text()).toMatch(/^web +\S* ?.*web up$/m);
    process.kill(one.pid, signal);
    expect(await one.exited).toBe(0);
    expect(one.text()).toContain("db bye");
    expect(one.text().indexOf("web bye")).toBeGreaterThan(0);
    expect(one.text().indexOf("web bye")).toBeLessThan(one.text().indexOf("db bye"));
    expect(processesOf(one.home)).toEqual([]);
  },
);

test("every unit starts but those that say not to, and a second terminal can talk to it", async () => {
  await using one = up({ web: says("web"), off: says("off", { enabled: false }) });
  await printed(one, "web up");
  const status = await run([SUP, "status", "--json"], { env: one.env });
  const { services } = JSON.parse(status.stdout) as { services: Array<{ id: string; state: string }> };
  expect(services.map(({ id, state }) => [id, state])).toEqual([["off", "stopped"], ["web", "running"]]); // prettier-ignore
  process.kill(one.pid, "SIGINT");
  expect(await one.exited).toBe(0);
});

test("a crash and the next try are told between the lines", async () => {
  const script = `[ -e '%S/tried' ] && exec sleep 1000; touch '%S/tried'; exit 3`;
  await using one = up({ web: { command: "/bin/sh", args: ["-c", script], restart_policy: { retry_delay: 0.02 } } });
  await printed(one, "exit code 3; retry 1 of 5 in 20");
  process.kill(one.pid, "SIGINT");
  expect(await one.exited).toBe(0);
});

test("a bad file is told and the others run; a directory that is not there is an error", async () => {
  await using one = up({ good: says("good"), bad: `{ "comand": "x" }` });
  await printed(one, "good up", "bad.unit.json", "command");
  process.kill(one.pid, "SIGINT");
  expect(await one.exited).toBe(0);
  const nowhere = await run([SUP, "up", "nowhere"], { env: one.env, cwd: one.home });
  expect(nowhere).toMatchObject({ code: 1 });
  expect(nowhere.stderr).toContain("nowhere: no such directory");
});

test("it says where the page is, what to type in another terminal, and what to do when its port is taken", async () => {
  await using one = up({ web: says("web") });
  await printed(one, "web up");
  expect(one.text()).toMatch(/^sup +\| web page: http:\/\/127\.0\.0\.1:\d+ \(`/m);
  expect(one.text()).toMatch(/ \(`SUP_HOME=\S+ \S*sup dashboard` prints a sign-in link\)$/m);
  expect(one.text()).toMatch(/in another terminal: SUP_HOME=\S+ \S*sup status; Ctrl-C in this one stops all units in order$/m);

  const { port } = new URL(/http:\/\/127.0.0.1:\d+/.exec(one.text())![0]);
  await using two = up({ web: says("web") }, Number(port));
  await printed(two, "web up");
  expect(two.text()).toContain(`port ${port} is taken by sup (pid ${one.pid}); the API is available on the unix socket only`);
  expect(two.text()).toContain(`set its port in ${two.home}/sup.json`);
  for (const { pid, exited } of [one, two]) {
    process.kill(pid, "SIGINT");
    expect(await exited).toBe(0);
  }
});
