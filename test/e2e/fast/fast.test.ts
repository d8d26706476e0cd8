/** The command line is used in scripts and loops, so its run time is printed. The bounds are ten times the usual values. */
import { expect, test } from "bun:test";
import { sleeper } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";

const UNITS = 50;
const ROUNDS = 9;

const shared = sharedDaemon({
  units: Object.fromEntries(Array.from({ length: UNITS }, (_, i) => [`unit-${i}`, sleeper({ enabled: i % 2 === 0 })])),
});

test.each([
  [["is-active", "unit-0"], 0],
  [["is-active", "unit-1"], 3],
  [["status"], 0],
  [["status", "unit-0"], 0],
  [["status", "--json"], 0],
  [["version"], 0],
] as const)("sup %p", async (args, code) => {
  await shared.daemon.reaches(`unit-${UNITS - 2}`, "running");
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const from = performance.now();
    const ran = await shared.daemon.sup(...args);
    times.push(performance.now() - from);
    expect(ran.code).toBe(code);
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
  console.log(`sup ${args.join(" ")}: median ${median.toFixed(1)} ms of ${ROUNDS}, ${UNITS} units`);
  expect(median).toBeLessThan(1000);
});

test("many units boot quickly", async () => {
  const { daemon } = shared;
  await daemon.stop();
  const from = performance.now();
  await daemon.start();
  await Promise.all(Array.from({ length: UNITS / 2 }, (_, i) => daemon.reaches(`unit-${2 * i}`, "running")));
  const took = performance.now() - from;
  console.log(`from nothing to ${UNITS / 2} running units: ${took.toFixed(0)} ms`);
  expect(took).toBeLessThan(5000);
});
