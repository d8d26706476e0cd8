import { expect, test } from "bun:test";
import { FakeDaemon, sup } from "./fake.ts";
import { aService, daemonInfo } from "./fixtures.ts";

/** Waits for the answer however slow this machine is, and uses a nonexistent program path, because a sup may be installed here. */
const doctor = (daemon: FakeDaemon, ...args: string[]) =>
  sup(daemon, ["doctor", ...args], { host: { sleep: () => new Promise(() => {}), program: `${daemon.home}/sup` } });

const answering = (more: Partial<typeof daemonInfo>) => ({ status: () => ({ daemon: { ...daemonInfo, ...more }, services: [] }) });

test("a daemon of another version", async () => {
  await using daemon = new FakeDaemon(answering({ version: "9.9.9", pid: 1 << 29 }));
  const { code, out } = await doctor(daemon);
  expect(code).toBe(1);
  expect(out).toContain("version: the daemon is sup 9.9.9, this is sup 1.2.3\n    → sup daemon restart (services keep running)\n");
});

test("the daemon's notes are listed, except those that another check reports", async () => {
  const notes = ["the database was damaged", "/u/web.unit.json:1:1: error: unknown key", "port 7870 is taken by nginx (pid 8); the API is available on the unix socket only"]; // prettier-ignore
  await using daemon = new FakeDaemon(answering({ version: "1.2.3", pid: 1 << 29, notes, url: null }));
  const { out } = await doctor(daemon, "--json");
  const { findings } = JSON.parse(out) as { findings: Array<{ check: string; message: string; severity: string }> };
  const of = findings.filter(({ check }) => check !== "directories"); // the fake has no directories
  expect(of.map(({ check, severity, message }) => [check, severity, message])).toEqual([
    ["port", "warning", notes[2]!],
    ["notes of the daemon", "note", notes[0]!],
  ]);
});

test("units in trouble are listed, with what is wrong", async () => {
  const services = [
    aService("dead", { state: "fatal", reason: "exit-code", last_exit: "exit code 1", retries: 5 }),
    aService("loop", { state: "backoff", reason: "exit-code", last_exit: "exit code 3" }),
    aService("fat", { over_limits: [{ limit: "memory", value: 9, max: 8, text: "memory is over its limit: 9 MiB of 8 MiB" }] }),
    aService("well"),
  ];
  await using daemon = new FakeDaemon({ status: () => ({ daemon: { ...daemonInfo, version: "1.2.3", pid: 1 << 29 }, services }) });
  const { findings } = JSON.parse((await doctor(daemon, "--json")).out) as { findings: Array<Record<string, string>> };
  expect(findings.filter(({ check }) => check === "units").map(({ severity, message, fix }) => [severity, message, fix])).toEqual([
    ["error", "unit dead is fatal: Failed: exit code 1. Gave up after 5 retries; `sup start dead` tries again.", "sup why dead"],
    ["warning", "unit loop is in backoff: Failed: exit code 3.", "sup why loop"],
    ["warning", "unit fat is running: Running, but memory is over its limit: 9 MiB of 8 MiB.", "sup why fat"],
  ]);
});
