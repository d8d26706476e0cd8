/**
 * What other supervisors' users know, row by row: systemd's Restart= table, Kubernetes' probes, process-compose's
 * conditions, as far as sup means the same by its settings. Where it means something else, the row says so.
 */
import { describe, expect, test } from "bun:test";
import type { Exit } from "../../../src/base/exit.ts";
import { SIGNALS } from "../../../src/base/signals.ts";
import { decide } from "../../../src/core/unit/restart.ts";
import { NO_LEDGER, type Ending } from "../../../src/core/unit/record.ts";
import type { CheckSpec, RestartPolicy } from "../../../src/spec/spec.ts";
import { code, killedBy, POLICY, type SpecParts } from "../fixtures.ts";
import { ONESHOT, staged } from "./stage.ts";

describe("systemd: Restart=", () => {
  const settings = {
    no: { autoRestart: false },
    always: { autoRestart: true, restartOnExit: true },
    "on-success": { autoRestart: false, restartOnExit: true },
    "on-failure": { autoRestart: true },
  } satisfies Record<string, Partial<RestartPolicy>>;
  type Setting = keyof typeof settings;

  const rows: ReadonlyArray<readonly [how: string, by: Ending["by"], exit: Exit | null, restartedWith: readonly Setting[]]> = [
    ["clean exit code", "exit", code(0), ["always", "on-success"]],
    // systemd counts HUP, INT, TERM and PIPE as clean. Nobody asked for that end here, so it is a failure of the unit.
    ["a signal that systemd calls clean", "exit", killedBy(SIGNALS.SIGTERM), ["always", "on-failure"]],
    ["unclean exit code", "exit", code(1), ["always", "on-failure"]],
    ["unclean signal", "exit", killedBy(SIGNALS.SIGSEGV), ["always", "on-failure"]],
    ["timeout", "timeout", killedBy(SIGNALS.SIGKILL), ["always", "on-failure"]],
    ["watchdog expired", "watchdog", killedBy(SIGNALS.SIGABRT), ["always", "on-failure"]],
    ["OOM kill", "exit", killedBy(SIGNALS.SIGKILL), ["always", "on-failure"]],
    ["protocol: ended before it was ready", "protocol", code(0), ["always", "on-failure"]],
  ];

  test.each(rows.flatMap((row) => (Object.keys(settings) as Setting[]).map((setting) => [setting, ...row] as const)))(
    "%s, %s",
    (setting, _, by, exit, restartedWith) => {
      const decision = decide({ ...POLICY, ...settings[setting] }, NO_LEDGER, { by, exit, ranMs: null }, { nowMs: 0, roll: 0.5 });
      expect(decision.kind === "after").toBe(restartedWith.includes(setting));
    },
  );

  test.each<[string, Partial<RestartPolicy>, number, boolean]>([
    ["SuccessExitStatus= adds to the clean ones", { successExitCodes: [0, 143] }, 143, false],
    ["RestartPreventExitStatus= beats Restart=always", { restartOnExit: true, noRestartExitCodes: [3] }, 3, false],
  ])("%s", (_, policy, status, restarted) => {
    const decision = decide({ ...POLICY, ...policy }, NO_LEDGER, { by: "exit", exit: code(status), ranMs: null }, { nowMs: 0, roll: 0.5 });
    expect(decision.kind === "after").toBe(restarted);
  });

  test("an operator's stop never restarts", () => {
    const stage = staged({ web: { restart: settings.always } })
      .start("web")
      .stop("web");
    expect(stage.pass(3_600_000).phase("web")).toBe("idle");
  });
});

describe("Kubernetes: probes", () => {
  const PROBE: Partial<CheckSpec> = { intervalMs: 10_000, failureThreshold: 3 };
  const serving = (check: Partial<CheckSpec>, more: SpecParts = {}) =>
    staged({ web: { check: { ...PROBE, ...check }, ...more } }).start("web");

  test("a startup probe gates: not ready before it passed, and a pod that never passes is restarted by its policy", () => {
    const stage = staged({ web: { check: PROBE } });
    stage.ill.add("web");
    stage.start("web").pass(0);
    expect(stage.phase("web")).toBe("starting");
    stage.pass(20_000); // its budget: failureThreshold failures, a period apart
    expect(stage.phase("web")).toBe("backoff");
    expect(stage.unit("web").reason).toBe("health");
    expect(stage.unit("web").ledger.retries).toBe(1);
  });

  test("liveness: failureThreshold failures in a row restart, with the grace period of the stop", () => {
    const stage = serving({}).pass(0);
    stage.stubborn.add("web");
    stage.ill.add("web");
    expect(stage.pass(20_000).phase("web")).toBe("running");
    expect(stage.pass(10_000).phase("web")).toBe("stopping");
    expect(stage.pass(10_000).acts).toContain("kill web");
  });

  test("one pass sets the count of failures back", () => {
    const stage = serving({}).pass(0);
    for (let round = 0; round < 5; round++) {
      stage.ill.add("web");
      stage.pass(20_000);
      stage.ill.delete("web");
      stage.pass(10_000);
    }
    expect(stage.phase("web")).toBe("running");
    expect(stage.unit("web").run).toBe(1);
  });

  test("failing readiness only marks (action none): it runs on, is probed for life, and recovers by successThreshold", () => {
    const stage = serving({ action: "none", successThreshold: 2 }).pass(0);
    stage.ill.add("web");
    stage.pass(300_000);
    const health = (): string | undefined => stage.world.get("web")?.check?.health;
    expect(stage.unit("web").run).toBe(1);
    expect(health()).toBe("unhealthy");
    stage.ill.delete("web");
    expect(stage.pass(10_000) && health()).toBe("unhealthy");
    expect(stage.pass(10_000) && health()).toBe("healthy");
  });

  test("initialDelaySeconds is start_period: failures in it do not count", () => {
    const stage = staged({ web: { startTimeoutMs: 300_000, check: { ...PROBE, startPeriodMs: 60_000, failureThreshold: 1 } } });
    stage.ill.add("web");
    stage.start("web").pass(59_000);
    expect(stage.phase("web")).toBe("starting");
    expect(stage.pass(1_000).phase("web")).toBe("backoff");
  });
});

describe("process-compose: depends_on", () => {
  /** How the dependency is when the dependent is looked at. */
  const OUTCOMES = {
    "executed, not ready": (stage: ReturnType<typeof staged>) => stage.ill.add("db") && stage.start("web").pass(0),
    ready: (stage: ReturnType<typeof staged>) => stage.start("web").pass(0),
    "ended well": (stage: ReturnType<typeof staged>) => stage.start("web").pass(0).exits("db", 0),
    failed: (stage: ReturnType<typeof staged>) => stage.start("web").pass(0).exits("db", 1),
  };
  type Outcome = keyof typeof OUTCOMES;
  const SERVICE: SpecParts = { check: {}, restart: { autoRestart: false } };
  const JOB: SpecParts = { ...ONESHOT, restart: { autoRestart: false } };

  test.each<[pc: string, condition: "started" | "ready" | "completed" | "succeeded", db: SpecParts, outcome: Outcome, starts: boolean]>([
    ["process_started", "started", SERVICE, "executed, not ready", true],
    ["process_healthy", "ready", SERVICE, "executed, not ready", false],
    ["process_healthy", "ready", SERVICE, "ready", true],
    ["process_completed", "completed", JOB, "ready", false], // a oneshot that runs
    ["process_completed", "completed", JOB, "ended well", true],
    ["process_completed", "completed", JOB, "failed", true],
    ["process_completed_successfully", "succeeded", JOB, "ready", false],
    ["process_completed_successfully", "succeeded", JOB, "ended well", true],
    ["process_completed_successfully", "succeeded", JOB, "failed", false],
  ])("%s (%s)", (_, condition, db, outcome, starts) => {
    const stage = staged({ db, web: { dependencies: [{ unit: "db", condition }] } });
    OUTCOMES[outcome](stage);
    expect(stage.phase("web")).toBe(starts ? "running" : "waiting");
  });

  test("an impossible condition: process-compose skips the dependent; here it waits, and starts when that becomes true after all", () => {
    const stage = staged({ db: JOB, web: { dependencies: ["db"] } })
      .start("web")
      .exits("db", 1);
    expect(stage.phase("web")).toBe("waiting");
    expect(stage.start("db").exits("db", 0).phase("web")).toBe("running");
  });

  test("it waits through restarts of the dependency", () => {
    const stage = staged({ db: { ...ONESHOT }, web: { dependencies: ["db"] } })
      .start("web")
      .exits("db", 1)
      .pass(1000)
      .exits("db", 1)
      .pass(2000);
    expect(stage.phase("web")).toBe("waiting");
    expect(stage.unit("db").run).toBe(3);
    expect(stage.exits("db", 0).phase("web")).toBe("running");
  });
});
