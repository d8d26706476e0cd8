import { expect, test } from "bun:test";
import { hook, makeSpec, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const starting = (parts: SpecParts = {}): Machine => machine(parts).start().clear().spawned();
const retried = (parts: SpecParts = {}): Machine => machine(parts).up().ends(1).due().clear().spawned();

/** The history entries of the last event: type, message and details. */
const entries = (m: Machine): unknown[] => m.effects.flatMap((effect) => (effect.type === "record" ? [effect.event] : []));
const last = (m: Machine): unknown => entries(m).at(-1);

test.each<[string, () => Machine, object]>([
  [
    "becoming ready",
    () => starting({ check: {} }).pass(2500).ready(),
    { type: "running", message: "running, ready after 2.5s", details: { run: 1, pid: 1001, after_ms: 2500 } },
  ],
  [
    "becoming ready later than the daemon's first second",
    () => machine({ check: {} }).pass(4000).start().clear().spawned().pass(2000).ready(),
    { type: "running", message: "running, ready after 2s", details: { run: 1, pid: 1001, after_ms: 2000 } },
  ],
  ["a clean exit", () => machine().up().exits(0), { type: "exited", message: "exit code 0", details: { success: true, expected: false } }],
  [
    "a failed exit",
    () => machine().up().exits(1),
    { type: "exited", message: "exit code 1", details: { success: false, expected: false } },
  ],
  [
    "a clean exit before readiness",
    () => starting({ check: {} }).exits(0),
    { type: "exited", message: "exit code 0", details: { success: false, expected: false } },
  ],
  ["an exit during a stop", () => machine().up().stop().release().exits(0), { type: "exited", details: { success: true, expected: true } }],
  [
    "a stop",
    () => machine().up().stop().release(),
    { type: "stopping", message: "stopping: requested by the operator", details: { run: 1, reason: "operator" } },
  ],
  [
    "a stop by the daemon's shutdown",
    () => machine().up().stop("shutdown").release(),
    { type: "stopping", message: "stopping: sup is shutting down", details: { reason: "shutdown" } },
  ],
  [
    "a restart",
    () => machine().up().restart("watch"),
    { type: "stopping", message: "restarting: a watched file changed", details: { run: 1, reason: "watch" } },
  ],
  [
    "a failed health check",
    () => machine().up().condemned("health"),
    { type: "stopping", message: "stopping: it does not answer", details: { run: 1, reason: "health" } },
  ],
  [
    "a stop during the back-off",
    () => machine().up().ends(1).stop(),
    { type: "stopped", message: "stopped before starting: requested by the operator" },
  ],
  [
    "a stop that times out",
    () => machine().up().stop().release().due(),
    { type: "killed", message: "did not stop within 10s; sending SIGKILL", details: { run: 1 } },
  ],
  ["a start that times out", () => starting({ check: {} }).due(), { type: "stopping", message: "stopping: not ready within 1m" }],
  [
    "a oneshot that times out",
    () => machine({ type: "oneshot", startTimeoutMs: 5000 }).up().due(),
    { type: "stopping", message: "stopping: not finished within 5s" },
  ],
  ["a stop with leftovers", () => machine().up().stop().release().exits(0).swept(["sh (7)"]), { message: "stopped: requested by the operator; needed SIGKILL: sh (7)" }], // prettier-ignore
  [
    "a retry",
    () => machine().up().ends(3),
    { type: "backoff", message: "exit code 3; retry 1 of 5 in 1s", details: { attempt: 1, delay_ms: 1000 } },
  ],
  ["a second retry", () => retried().ends(3), { type: "backoff", message: "exit code 3; retry 2 of 5 in 2s" }],
  ["an unlimited retry without delay", () => machine({ restart: { maxRetries: -1, retryDelayMs: 0 } }).up().ends(3), { message: "exit code 3; retry 1 immediately" }], // prettier-ignore
  ["restart_on_exit", () => machine({ restart: { restartOnExit: true } }).up().ends(0), { message: "exit code 0; restart in 1s (restart_on_exit)", details: { attempt: null } }], // prettier-ignore
  ["a shortage", () => machine().start().clear().spawnFailed("cannot fork", true).swept(), { message: "cannot fork; next attempt in 1s (does not use up a retry)" }], // prettier-ignore
  [
    "no more retries",
    () =>
      machine({ restart: { maxRetries: 0 } })
        .up()
        .ends(3),
    { type: "fatal", message: "exit code 3; 0 of 0 retries failed" },
  ],
  ["fatal_retry_after", () => machine({ restart: { maxRetries: 0, fatalRetryAfterMs: 60_000 } }).up().ends(3), { message: "exit code 3; 0 of 0 retries failed; next attempt in 1m" }], // prettier-ignore
  [
    "auto_restart off",
    () =>
      machine({ restart: { autoRestart: false } })
        .up()
        .ends(3),
    { type: "failed", message: "exit code 3; auto_restart is off" },
  ],
  ["a forbidden exit code", () => machine({ restart: { noRestartExitCodes: [78] } }).up().ends(78), { message: "exit code 78; listed in no_restart_exit_codes" }], // prettier-ignore
  ["remain_after_exit", () => machine({ type: "oneshot", remainAfterExit: true }).up().ends(0), { type: "running", message: "finished; counts as running (remain_after_exit)" }], // prettier-ignore
  ["a finished oneshot", () => machine({ type: "oneshot" }).up().ends(0), { type: "stopped", message: "finished: exit code 0" }],
  ["a reset", () => machine().up().reset(), { type: "reset", message: "the retry counter was reset" }],
  ["a reset of a fatal unit", () => machine({ restart: { maxRetries: 0 } }).up().ends(1).reset(), { type: "reset", message: "no longer fatal: reset by the operator" }], // prettier-ignore
])("the history entry for %s", (_, play, wanted) => {
  expect(last(play())).toMatchObject(wanted);
});

test("a failed post_stop is recorded before what follows", () => {
  const m = machine({ postStop: [hook()] })
    .up()
    .exits(1)
    .swept()
    .finished("post_stop /bin/sh: exit code 3");
  expect(entries(m)).toMatchObject([{ type: "stopping", message: "post_stop /bin/sh: exit code 3" }]);
  expect(entries(m.swept())).toMatchObject([{ type: "backoff", message: "exit code 1; retry 1 of 5 in 1s" }]);
});
