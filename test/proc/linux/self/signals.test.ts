import { expect, test } from "bun:test";
import { ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { libc } from "../../../../src/linux/ffi/libc.ts";
import { onSignals, resetSignalMask, scrubEnvironment } from "../../../../src/linux/self/signals.ts";

const blocked = (): string => /SigBlk:\s+(\w+)/.exec(readFileSync("/proc/thread-self/status", "latin1"))![1]!;

test("signals that the parent blocked are unblocked", () => {
  const usr2 = new BigUint64Array(16);
  usr2[0] = 1n << 11n;
  libc.sigprocmask(0, ptr(usr2), null);
  expect(blocked()).toBe("0000000000000800");
  resetSignalMask();
  expect(blocked()).toBe("0000000000000000");
});

test("each signal calls its handler from the event loop until the handlers are removed", async () => {
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const off = onSignals({
    SIGUSR2: () => {
      seen.push("SIGUSR2");
      resolve();
    },
    SIGHUP: () => seen.push("SIGHUP"),
  });
  process.kill(process.pid, "SIGUSR2");
  expect(seen).toEqual([]);
  await promise;
  expect(seen).toEqual(["SIGUSR2"]);
  off();
  expect(process.listenerCount("SIGUSR2")).toBe(0);
});

test("BUN_ variables are removed from the environment and returned", () => {
  process.env.BUN_OPTIONS_OF_TEST = "1";
  expect(scrubEnvironment()).toContain("BUN_OPTIONS_OF_TEST");
  expect(Object.keys(process.env).filter((name) => name.startsWith("BUN_"))).toEqual([]);
});
