/** What others send or leave in the way: it costs them something, but never the daemon or other services. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "../../harness/daemon.ts";
import { sleeper, type UnitFile } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon({ units: { good: sleeper({ enabled: true }) } });
const temp = tempDir();
afterAll(() => temp[Symbol.dispose]());
chmodSync(temp.path, 0o755);
const isRoot = process.getuid?.() === 0;

const FLOOD = "while :; do head -c 3000000 /dev/zero | tr '\\0' x | fold -w 120; done";

/** The longest answer to a health request while the work goes on. */
async function slowestAnswerMs(daemon: Daemon, work: Promise<unknown>): Promise<number> {
  let slowest = 0;
  let going = true;
  void work.finally(() => (going = false));
  do {
    const begun = performance.now();
    expect((await daemon.api("/healthz")).status).toBe(200);
    slowest = Math.max(slowest, performance.now() - begun);
  } while (going);
  return slowest;
}

test("an expression with which a backtracking engine would not finish holds up nobody", async () => {
  const { daemon } = shared;
  const line = "a".repeat(60);
  await shared.drop("writes", {
    command: "/bin/sh",
    args: ["-c", `echo ${line}; seq -f '${"ab".repeat(200)}%%g' 1 3000`],
    type: "oneshot",
  });
  expect((await daemon.sup("start", "writes")).code).toBe(0);
  const searches = ["(?:a|aa|aaa)".repeat(18) + "^b", "(?:[ab]?){400}c", "[ab]*a[ab]{300}c", "(a+)+$"];
  const all = Promise.all(searches.map((grep) => daemon.sup("logs", "writes", "--grep", grep)));
  expect(await slowestAnswerMs(daemon, all)).toBeLessThan(5000); // some of them took minutes
  expect((await all).map(({ code, stdout }) => [code, stdout.trim().split("\n").length > 1 ? "many" : stdout.trim().slice(-60)])).toEqual([
    [0, ""],
    [0, ""],
    [0, ""],
    [0, line],
  ]);
  const tooLarge = await daemon.sup("logs", "writes", "--grep", "(?:.{1000}){1000}");
  expect(tooLarge.code === 0).toBe(false);
  expect(tooLarge.stderr).toContain("too large");
});

test("a glob with many stars holds up nobody", async () => {
  const { daemon } = shared;
  await shared.drop("a".repeat(64), sleeper());
  const glob = `${"*a".repeat(25)}b`;
  expect((await daemon.sup("is-active", glob)).stderr).toContain("no unit matches");
  expect((await daemon.api(`/api/supervisor/resolve?units=${encodeURIComponent(glob)}`)).status).toBe(404);
});

test.each([
  ["a FIFO", "fifo", "it is not a regular file"],
  ["a device without an end", "zero", "it is not a regular file"],
  ["a huge file", "huge", "it is larger than 1024 KiB"],
  ["a directory", ".", "it is a directory"],
  ["other bytes than UTF-8", "bytes", "it is not UTF-8 text"],
])("an environment file that is %s: the start fails with the cause, and the daemon goes on", async (_, name, cause) => {
  const { daemon } = shared;
  Bun.spawnSync(["mkfifo", join(temp.path, "fifo")]);
  if (name === "zero") symlinkSync("/dev/zero", join(temp.path, "zero"));
  writeFileSync(join(temp.path, "huge"), Buffer.alloc(2 << 20, "A=1\n"));
  writeFileSync(join(temp.path, "bytes"), Buffer.from([65, 61, 0xff, 10]));
  const unit = `reads-${name.replace(".", "directory")}`;
  await shared.drop(unit, sleeper({ environment_files: [join(temp.path, name)], restart_policy: { max_retries: 0 } }));
  const started = await daemon.sup("start", unit);
  expect(started.code).not.toBe(0);
  expect((await daemon.sup("why", unit)).stdout).toContain(`cannot read environment file ${join(temp.path, name)}: ${cause}`);
  expect(await daemon.service("good")).toMatchObject({ state: "running" });
});

test.if(isRoot)("as root: an environment file is read with the rights of the unit's user", async () => {
  const { daemon } = shared;
  const path = join(temp.path, "env");
  const unit = { command: "/bin/sh", args: ["-c", "echo got $SECRET"], type: "oneshot", user: "nobody", environment_files: [path] };
  writeFileSync(join(temp.path, "secret"), "SECRET=of-root\n", { mode: 0o600 });
  symlinkSync(join(temp.path, "secret"), path);
  await shared.drop("borrows", unit);
  expect((await daemon.sup("start", "borrows")).code).not.toBe(0);
  expect((await daemon.sup("why", "borrows")).stdout).toContain(
    "permission denied (EACCES); it is read with the rights of the unit's user nobody",
  );
  chmodSync(join(temp.path, "secret"), 0o644);
  expect((await daemon.sup("start", "borrows")).code).toBe(0);
  expect((await daemon.sup("logs", "borrows", "--bare")).stdout).toContain("got of-root");
});

test("a log in whose place a link was put is not written through it, and that is reported", async () => {
  const { daemon } = shared;
  const victim = join(temp.path, "victim");
  writeFileSync(victim, "precious\n");
  symlinkSync(victim, join(daemon.home, "logs", "linked.log"));
  await shared.drop("linked", sleeper({ args: ["-c", "echo overwrites; exec sleep 1000"], command: "/bin/sh" }));
  expect((await daemon.sup("start", "linked")).code).toBe(0);
  await until(async () => (await daemon.sup("events", "linked")).stdout.includes("is a symbolic link"), {
    what: "the loss to be reported",
  });
  expect(readFileSync(victim, "utf8")).toBe("precious\n");
  expect((await daemon.sup("logs", "linked")).stdout).not.toContain("precious");
});

test("streams that nobody reads share a bounded amount of memory, which comes back when they close", async () => {
  const { daemon } = shared;
  for (const name of ["floods-a", "floods-b"])
    await shared.drop(name, { command: "/bin/sh", args: ["-c", FLOOD], log: { max_size_mb: 5, keep: 2 } });
  const residentMb = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))![1]) / 1024;
  const before = residentMb();
  const sockets = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const socket = await Bun.connect({ unix: daemon.socket, socket: { data() {} } });
      socket.pause();
      const path = `/api/supervisor/services/floods-${i % 2 ? "a" : "b"}/logs?follow=true`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: sup\r\nAccept: ${i % 3 ? "text/event-stream" : "*/*"}\r\n\r\n`);
      return socket;
    }),
  );
  expect((await daemon.sup("start", "floods-a", "floods-b")).code).toBe(0);
  const enough = 40_000_000;
  const written = (name: string): number => readFileSync(join(daemon.home, "logs", `${name}.log`)).length;
  let total = 0;
  let last = 0;
  let peak = 0;
  await until(
    async () => {
      const now = written("floods-a");
      total += now >= last ? now - last : now;
      last = now;
      peak = Math.max(peak, residentMb());
      return total > enough;
    },
    { what: "a flood", timeoutMs: 60_000 },
  );
  expect(await slowestAnswerMs(daemon, Promise.resolve())).toBeLessThan(5000);
  expect(peak - before).toBeLessThan(350);
  expect((await daemon.sup("stop", "floods-a", "floods-b")).code).toBe(0);
  for (const socket of sockets) socket.end();
  await until(() => residentMb() - before < 120, { what: "the memory to come back", timeoutMs: 60_000 });
}, 180_000);

test("a body nested 100,000 levels deep is refused at once, and the daemon answers right after", async () => {
  const { daemon } = shared;
  const levels = 100_000;
  const post = (unit: string): Promise<Response> =>
    daemon.api("/api/supervisor/run", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"unit":${unit}}`,
    });
  for (const command of ["[".repeat(levels) + "]".repeat(levels), '{"a":'.repeat(levels) + "1" + "}".repeat(levels)]) {
    const refused = post(`{"command":${command}}`);
    expect(await slowestAnswerMs(daemon, refused)).toBeLessThan(1000);
    const answer = await refused;
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { code: "bad-request", message: expect.stringContaining("nested deeper than 64 levels") },
    });
  }
  expect((await daemon.service("good")).state).toBe("running");
});

test("500 streams that ask for a long history and do not read it cost little from the beginning", async () => {
  const { daemon } = shared;
  const lines = (name: string): UnitFile => ({
    command: "/bin/sh",
    args: ["-c", `seq -f '${"x".repeat(180)} %%g' 1 12000; echo ${name}`],
    type: "oneshot",
  });
  for (const name of ["long-a", "long-b"]) await shared.drop(name, lines(name));
  expect((await daemon.sup("start", "long-a", "long-b")).code).toBe(0);
  const residentMb = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))![1]) / 1024;
  const before = residentMb();
  let answered = 0;
  const sockets = await Promise.all(
    Array.from({ length: 500 }, async (_, i) => {
      const data = (socket: Bun.Socket): void => {
        answered++;
        socket.pause();
      };
      const socket = await Bun.connect({ unix: daemon.socket, socket: { data } });
      const path = `/api/supervisor/services/long-${i % 2 ? "a" : "b"}/logs?follow=true&lines=10000`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: sup\r\nAccept: ${i % 3 ? "text/event-stream" : "*/*"}\r\n\r\n`);
      return socket;
    }),
  );
  let peak = 0;
  const all = (): boolean => {
    peak = Math.max(peak, residentMb());
    return answered >= 500;
  };
  await until(all, { what: "an answer to each", timeoutMs: 60_000, explain: () => `${answered}` });
  expect((await daemon.sup("logs", "long-a", "-n", "1", "--bare")).stdout).toBe("long-a\n");
  all();
  expect(peak - before).toBeLessThan(600); // it was 2400 when each stream got its whole history at once
  for (const socket of sockets) socket.end();
}, 120_000);
