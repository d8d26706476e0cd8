/** docs/container.md: the image of its Containerfile, and images with less. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { addProgram, buildImage, Container, noContainers, rootDirectory } from "../../harness/container.ts";
import { SUP } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";

const inContainer = test.if(noContainers === null);
const CONTAINERFILE = resolve(import.meta.dir, "../../../docs/container/Containerfile");

/** A root with sup, the libraries that it is linked to, and these units: no shell, no user database. */
function bareRoot(root: string, units: Readonly<Record<string, object>>, directory = "/etc/sup/units"): string {
  for (const name of ["proc", "dev", directory]) mkdirSync(join(root, name), { recursive: true });
  addProgram(root, SUP, "/usr/local/bin/sup");
  for (const [name, unit] of Object.entries(units)) writeFileSync(join(root, directory, `${name}.unit.json`), JSON.stringify(unit));
  return root;
}

const web = (port: number, more: object = {}): object => ({
  enabled: true,
  command: "/usr/local/bin/sup",
  args: ["demo-web", String(port)],
  health_check: { type: "http", endpoint: `http://127.0.0.1:${port}/healthz` },
  ...more,
});

inContainer("the Containerfile: it starts, the health check tells, and the stop signal ends it in order with 0", async () => {
  using dir = rootDirectory();
  const image = buildImage(CONTAINERFILE, dir.path);
  await using container = new Container(image);
  await container.reaches("web", "running");
  expect((await container.exec(...image.healthcheck)).code).toBe(0);
  expect(readFileSync(join(dir.path, "var/log/sup/setup.log"), "utf8")).toContain(" stdout F ready\n");
  expect((await container.exec("/bin/sh", "-c", "exec 3<>/dev/null; [ $$ -gt 1 ] && cat /proc/1/comm")).stdout).toBe("sup\n");
  container.signal(image.stopSignal);
  expect(await container.exited).toBe(0);
  expect(readFileSync(join(dir.path, "var/log/sup/web.log"), "utf8")).toContain("bye after");
  expect(readFileSync(join(dir.path, "var/log/sup/sup.log"), "utf8")).toContain("stopping, requested by SIGTERM");
});

inContainer("a critical unit that fails for good: the health check fails, and the container ends with 1 to be replaced", async () => {
  using dir = rootDirectory();
  const image = buildImage(CONTAINERFILE, dir.path);
  const file = join(dir.path, "etc/sup/units/web.unit.json");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace('"port": 8080', '"restart_policy": {"max_retries": 1, "retry_delay": 0.1}, "port": 8080'),
  );
  await using container = new Container(image);
  await container.reaches("web", "running");
  await container.sup("kill", "--signal", "KILL", "web");
  await container.reaches("web", "running", { restarts: 1 }); // its one retry
  await container.sup("kill", "--signal", "KILL", "web");
  expect(await container.exited).toBe(1);
  expect(readFileSync(join(dir.path, "var/log/sup/sup.log"), "utf8")).toContain("on_critical_fatal: web is fatal");
});

inContainer("nothing but sup and its libraries: no shell, no user database, no temporary directory", async () => {
  using dir = rootDirectory();
  bareRoot(dir.path, { web: web(8080) });
  await using container = new Container({ root: dir.path, entrypoint: ["/usr/local/bin/sup", "daemon"] });
  await container.reaches("web", "running");
  expect((await container.sup("health", "web", "--run")).code).toBe(0);
  expect((await container.sup("daemon", "status")).stdout).toContain("PID: 1\n");
  container.signal("SIGTERM");
  expect(await container.exited).toBe(0);
});

inContainer("orphans are reaped, by whomever they were made", async () => {
  using dir = rootDirectory();
  const image = buildImage(CONTAINERFILE, dir.path);
  await using container = new Container(image);
  await container.reaches("web", "running");
  const processes = async (): Promise<string> => (await container.exec("/bin/sh", "-c", 'for p in /proc/[0-9]*; do read -r line <$p/stat && echo "$line"; done')).stdout; // prettier-ignore
  const zombies = async (): Promise<string[]> => (await processes()).split("\n").filter((line) => / Z \d+ /.test(line));
  // Each is orphaned before it ends; exec'ed from outside, as `docker exec` does it.
  const made = await container.exec("/bin/sh", "-c", "for i in 1 2 3 4 5; do (sleep 1000 >/dev/null 2>&1 & echo $!) ; done");
  await until(async () => (await processes()).split("(sleep) S 1 ").length === 6, { what: "orphans of pid 1", explain: processes });
  await container.exec("/bin/sh", "-c", `kill ${made.stdout.trim().split("\n").join(" ")}`);
  await until(async () => !(await processes()).includes("(sleep)"), { what: "all of them to be reaped", explain: processes });
  expect(await zombies()).toEqual([]);
});

inContainer("a user without a name, and a root that cannot be written", async () => {
  using dir = rootDirectory();
  bareRoot(dir.path, { web: web(8080) }, "/srv/units");
  writeFileSync(join(dir.path, "srv/sup.json"), "{}");
  const options = { user: 4711, readOnly: ["/srv/state", "/srv/logs", "/srv/run"], env: { SUP_HOME: "/srv" } };
  await using container = new Container({ root: dir.path, entrypoint: ["/usr/local/bin/sup", "daemon"] }, options);
  // Its mounts are seen through its first process alone.
  const log = (): string => join("/proc", String(container.pid), "root", "srv/logs/web.log");
  await until(() => readFileSync(log(), "utf8").includes("listening on"), { what: "web to run", explain: () => container.output() }); // prettier-ignore
  container.signal("SIGTERM");
  expect(await container.exited).toBe(0);
});

inContainer("a root that cannot be written but for /run: without more it says what to do, with SUP_HOME it runs", async () => {
  using dir = rootDirectory();
  bareRoot(dir.path, { web: web(8080) });
  const image = { root: dir.path, entrypoint: ["/usr/local/bin/sup", "daemon"] };
  await using refused = new Container(image, { readOnly: ["/run"] });
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toContain("cannot use the directory /var/lib/sup: read-only file system. Mount one there that can be written, or set SUP_HOME"); // prettier-ignore
  await using container = new Container(image, { readOnly: ["/run"], env: { SUP_HOME: "/run", SUP_UNITS: "/etc/sup/units" } });
  const log = (): string => join("/proc", String(container.pid), "root", "run/logs/web.log");
  await until(() => readFileSync(log(), "utf8").includes("listening on"), { what: "web to run", explain: () => container.output() });
  container.signal("SIGTERM");
  expect(await container.exited).toBe(0);
});

inContainer("`sup up` as the first process: what services write is the container's output", async () => {
  using dir = rootDirectory();
  bareRoot(dir.path, { web: web(8080) });
  await using container = new Container({ root: dir.path, entrypoint: ["/usr/local/bin/sup", "up", "/etc/sup/units"] });
  await until(() => container.output().includes("listening on http://127.0.0.1:8080"), { what: "its output", explain: () => container.output() }); // prettier-ignore
  container.signal("SIGTERM");
  expect(await container.exited).toBe(0);
  expect(container.output()).toContain("bye after");
});
