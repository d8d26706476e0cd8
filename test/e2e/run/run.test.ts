/** `sup run`: a command as a unit for once, with all that units have, gone when it ends. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();

const gone = (id: string): Promise<unknown> =>
  until(async () => (await shared.daemon.sup("status", id)).code === 4, { what: `${id} to be gone` });

test("it starts, answers like a unit, is stopped like one, and is gone", async () => {
  const { daemon } = shared;
  const started = await daemon.sup("run", "--name", "job", "--", "sleep", "1000");
  expect(started).toMatchObject({ code: 0, stdout: expect.stringMatching(/^job: running \(pid \d+\)/) });
  const { pid, file, auto_restart } = await daemon.service("job");
  expect({ file, auto_restart }).toEqual({ file: "", auto_restart: false });
  expect((await daemon.sup("reload")).stdout).toBe("Nothing changed.\n");
  expect((await daemon.service("job")).changed_on_disk).toBe(false);
  expect((await daemon.sup("stop", "job")).code).toBe(0);
  await gone("job");
  expect(alive(pid!)).toBe(false);
  expect(await typesOf(daemon, "job")).toEqual(["started", "running", "stopping", "exited", "stopped"]);
});

test("-f shows its output and gives its exit code; the log stays", async () => {
  const { daemon } = shared;
  const ran = await daemon.sup(
    "run",
    "-f",
    "--name",
    "talk",
    "-e",
    "WHO=you",
    "--",
    "sh",
    "-c",
    "echo hello $WHO; pwd; echo oops >&2; exit 7",
  );
  expect(ran.stdout).toBe(`hello you\n${daemon.home}\n`);
  expect(ran.code).toBe(7);
  expect(ran.stderr).toMatch(/^oops$/m);
  expect(ran.stderr).toContain("talk: exit code 7");
  await gone("talk");
  expect((await daemon.sup("logs", "--bare", "talk")).stdout).toContain("hello you\n");
  expect((await daemon.sup("run", "-f", "--", "sh", "-c", "kill -9 $$")).code).toBe(137);
  expect((await daemon.sup("run", "-f", "--", "true")).code).toBe(0);
});

test("arguments, variables and the directory are passed on as typed: no specifiers, no expansion", async () => {
  const { daemon } = shared;
  const typed = ["%H:%M", "%i 100%", "${X}", "$${X}", "$X", "${", "%%"];
  const ran = await daemon.sup("run", "-f", "-e", "V=50% ${HOME}", "--", "sh", "-c", 'printf "%s\n" "$V" "$@"', "sh", ...typed);
  expect(ran.stdout).toBe(`${["50% ${HOME}", ...typed].join("\n")}\n`);
  expect(ran.code).toBe(0);
  const inShell = await daemon.sup("run", "-f", "--set", "shell=true", "-e", "V=v", "--", 'echo "${V}" $(date +%%)');
  expect(inShell.stdout).toBe("v %\n");
  expect(inShell.code).toBe(0);
  const set = await daemon.sup("run", "-f", "--name", "named", "--set", "environment.WHO=%n", "--", "sh", "-c", 'echo "$WHO"');
  expect(set.stdout).toBe("named\n");
  expect(set.code).toBe(0);
});

test("-f ends with 127 for a command that does not exist and 126 for one that cannot be executed", async () => {
  const { daemon } = shared;
  expect((await daemon.sup("run", "-f", "--", "no-such-command")).code).toBe(127);
  expect((await daemon.sup("run", "-f", "--", "/etc/passwd")).code).toBe(126);
  expect((await daemon.sup("run", "-f", "--dir", "/no/such/directory", "--", "true")).code).toBe(1);
});

test("nothing is kept of it: its cgroup goes with it", async () => {
  const { daemon } = shared;
  for (let n = 0; n < 3; n++) expect((await daemon.sup("run", "-f", "--name", `brief-${n}`, "--", "true")).code).toBe(0);
  await daemon.sup("run", "--name", "there", "--", "sleep", "1000");
  const { pid, containment } = await daemon.service("there");
  if (containment === "cgroup") {
    const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))![1]!;
    const mount = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((directory) => existsSync(join(directory, path)))!;
    const names = (): string[] => readdirSync(join(mount, path, "..")).filter((name) => /^(brief|there)/.test(name));
    await until(() => names().length === 1, { what: "the groups of the others to go", explain: () => names().join(" ") });
  }
  await daemon.sup("stop", "there");
});

test("what cannot start says why and leaves nothing; wrong input is refused before anything is made", async () => {
  const { daemon } = shared;
  const missing = await daemon.sup("run", "--name", "no", "--", "/no/such/program");
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("/no/such/program: no such file or directory") });
  await gone("no");
  await daemon.sup("run", "--name", "taken", "--", "sleep", "1000");
  const refusals: Array<[string[], string]> = [
    [["--name", "taken", "--", "true"], "the unit taken exists already"],
    [["--name", "a/b", "--", "true"], "not a valid unit name"],
    [["--set", "restrat=1", "--", "true"], "unknown key"],
    [["--set", "restart_policy.max_retries=x", "--", "true"], "max_retries"],
    [["--set", 'dependencies=["nobody"]', "--", "true"], "there is no unit nobody"],
    [["-e", "novalue", "--", "true"], "--env NAME=VALUE"],
    [["--set", "nice", "--", "true"], "--set KEY=VALUE"],
  ];
  for (const [args, words] of refusals) {
    const ran = await daemon.sup("run", ...args);
    expect(ran.code === 0).toBe(false);
    expect(ran.stderr).toContain(words);
  }
  expect((await daemon.sup("enable", "taken")).stderr).toContain("transient");
  expect((await daemon.sup("stop", "taken")).code).toBe(0);
});

test("any key of a unit file: restarts by its policy, and is gone when that gives up", async () => {
  const { daemon } = shared;
  const args = ["--restart", "--set", 'restart_policy={"max_retries":2,"retry_delay":0.01}', "--set", "labels.for=test"];
  await daemon.sup("run", "--no-wait", "--name", "loop", ...args, "--", "false");
  await gone("loop");
  expect((await eventsOf(daemon, "loop", "started")).length).toBe(3);
  // Its alert may be told open and, with the unit gone, resolved behind it.
  expect((await typesOf(daemon, "loop")).filter((type) => !type.startsWith("alert")).at(-1)).toBe("fatal");
});

test("it survives a crash of the daemon as any unit does", async () => {
  await using daemon = await startDaemon();
  await daemon.sup("run", "--name", "long", "--", "sleep", "1000");
  const { pid } = await daemon.service("long");
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("long")).toMatchObject({ state: "running", pid, file: "" });
  expect((await daemon.sup("reload", "--dry-run")).stdout).toBe("Nothing changed.\n");
  expect((await daemon.sup("stop", "long")).code).toBe(0);
  await until(async () => (await daemon.sup("status", "long")).code === 4, { what: "long to be gone" });
});
