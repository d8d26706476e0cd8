import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { checkedInvocation, checkMark } from "../../../src/base/check-mark.ts";
import { openProber } from "../../../src/adapters/probes/index.ts";
import type { ProbeContext } from "../../../src/ports/prober.ts";
import type { ExecProbe } from "../../../src/spec/spec.ts";
import { descriptors, identity, isRunning, type Machine, machine, newDescriptors, PATH, uniqueSleep, until } from "../linux/support.ts";

const context: ProbeContext = { main: null, env: { PATH, GREETING: "hello", SUP_INVOCATION_ID: "of-the-unit" }, cwd: "/usr", identity };
const never = new AbortController().signal;
const proberOf = (m: Machine) => openProber({ processes: m.processes, epoll: m.epoll, version: "9.9" });
const shell = (script: string, timeoutMs = 10_000): ExecProbe => ({ type: "exec", command: "sh", args: ["-c", script], timeoutMs });

test("tcp: an accepted connection passes, also for the name localhost; a refused one does not", async () => {
  using m = machine();
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const probe = (host: string, port: string) => proberOf(m).probe({ type: "tcp", host, port, timeoutMs: 5000 }, context, never);
  expect(await probe("127.0.0.1", `${port}`)).toMatchObject({ kind: "ok", detail: `connected to 127.0.0.1:${port}` });
  expect(await probe("localhost", `${port}`)).toMatchObject({ kind: "ok" });
  await new Promise((resolve) => server.close(resolve));
  expect(await probe("127.0.0.1", `${port}`)).toMatchObject({ kind: "bad", detail: `127.0.0.1:${port} refused the connection` });
  for (const wrong of ["", "x", "0", "70000"]) expect((await probe("127.0.0.1", wrong)).detail).toMatch(/not a port number/);
});

test("process: a running one passes; a stopped, ended or missing one does not", async () => {
  using m = machine();
  const { ref, exited } = await m.start("exec sleep 1000");
  const probe = (main: typeof ref | null) => proberOf(m).probe({ type: "process", timeoutMs: 1000 }, { ...context, main }, never);
  expect((await probe(ref)).kind).toBe("ok");
  m.processes.signal(ref, 19);
  await until(() => m.processes.condition(ref) === "stopped", "the stop");
  expect((await probe(ref)).detail).toMatch(/is stopped/);
  m.processes.signal(ref, 9);
  await exited;
  expect((await probe(ref)).detail).toMatch(/is gone/);
  expect((await probe(null)).kind).toBe("bad");
});

test("exec: exit code 0 passes; the detail holds the last line of output; it runs as the service's user", async () => {
  using m = machine();
  const prober = proberOf(m);
  expect(await prober.probe(shell("echo first; echo $GREETING $PWD"), context, never)).toMatchObject({
    kind: "ok",
    detail: "exit code 0: hello /usr",
  });
  expect(await prober.probe(shell("echo no luck >&2; exit 3"), context, never)).toMatchObject({
    kind: "bad",
    detail: "exit code 3: no luck",
  });
  expect(await prober.probe(shell("kill -9 $$"), context, never)).toMatchObject({ kind: "bad", detail: "killed by SIGKILL" });
  const missing: ExecProbe = { type: "exec", command: "no-such-check", args: [], timeoutMs: 1000 };
  expect((await prober.probe(missing, context, never)).detail).toMatch(/^cannot run the check: no-such-check: no such file/);
});

test("exec: the timeout kills the whole tree, including daemons, but no process of the unit", async () => {
  using m = machine();
  const unit = await m.start("exec sleep 1000", 0, { env: { PATH, SUP_INVOCATION_ID: "of-the-unit" } });
  const sleep = uniqueSleep();
  const script = `(setsid ${sleep} &) ; ${sleep}`;
  const result = await proberOf(m).probe(shell(script, 200), context, never);
  expect(result).toMatchObject({ kind: "bad", detail: "no end of sh within 200ms" });
  await until(() => !isRunning(sleep), "the end of both sleeps");
  expect(m.processes.condition(unit.ref)).toBe("running");
});

test("exec: background processes are killed, and an open pipe does not delay the result", async () => {
  using m = machine();
  const sleep = uniqueSleep();
  const result = await proberOf(m).probe(shell(`setsid ${sleep} & echo done; exit 0`), context, never);
  expect(result).toMatchObject({ kind: "ok", detail: "exit code 0: done" });
  await until(() => !isRunning(sleep), "the end of the sleep");
});

test("exec: a flood of output neither blocks nor fills memory, and its last line is kept", async () => {
  using m = machine();
  const result = await proberOf(m).probe(shell("head -c 20000000 /dev/zero; echo; echo the end"), context, never);
  expect(result).toMatchObject({ kind: "ok", detail: "exit code 0: the end" });
});

test("exec: many checks, passing, failing and timed out, leave no descriptors or processes behind", async () => {
  using m = machine();
  const prober = proberOf(m);
  const KINDS = ["pipe:", "pidfd", "/"]; // not the epoll sets, which are registered with the event loop again after each wake-up
  await prober.probe(shell("true"), context, never);
  const before = descriptors(KINDS);
  const scripts = ["exit 0", "exit 1", "sleep 1000"];
  const all = Array.from({ length: 30 }, (_, i) => prober.probe(shell(scripts[i % 3]!, i % 3 === 2 ? 100 : 10_000), context, never));
  const kinds = (await Promise.all(all)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "ok")).toHaveLength(10);
  await until(() => newDescriptors(before, KINDS).length === 0, "the descriptors to be free");
});

test("exec: an abort kills the command and yields broken", async () => {
  using m = machine();
  const controller = new AbortController();
  const sleep = uniqueSleep();
  const running = proberOf(m).probe(shell(`exec ${sleep}`), context, controller.signal);
  controller.abort();
  expect((await running).kind).toBe("broken");
  await until(() => !isRunning(sleep), "the end of the sleep");
});

test("exec: the processes of a check can be found, with the run that they check, also those whose leader has ended", async () => {
  using m = machine();
  const name = `checked-${process.pid}`;
  const env = { ...context.env, SUP_UNIT: name };
  const abort = new AbortController();
  const probing = proberOf(m).probe(shell(`exec sleep 1000`), { ...context, env }, abort.signal);
  const marks = (): string[] =>
    m.processes.findRuns().flatMap(({ unit, invocation }) => (unit === name ? [checkedInvocation(invocation) ?? invocation] : []));
  await until(() => marks().length > 0, "the check");
  expect(marks()).toEqual(["of-the-unit"]);
  abort.abort();
  await probing;
  await until(() => marks().length === 0, "its end");

  const left = await m.start("sleep 1000 </dev/null >/dev/null 2>&1 & exit 0", 0, {
    env: { ...env, SUP_INVOCATION_ID: checkMark("a-run", "1") },
  });
  const service = await m.start("sleep 1000 </dev/null >/dev/null 2>&1 & exit 0", 0, { env: { ...env, SUP_INVOCATION_ID: "a-run" } });
  await Promise.all([left.exited, service.exited]);
  expect(marks()).toEqual(["a-run"]);
  const [found] = m.processes.findRuns().filter(({ unit }) => unit === name);
  m.processes.killTree({ invocation: found!.invocation, main: found!.ref });
  await until(() => marks().length === 0, "its end");
  m.processes.killTree(service.tree);
});
