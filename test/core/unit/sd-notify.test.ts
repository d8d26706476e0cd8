import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseSdNotify } from "../../../src/core/unit/sd-notify.ts";

const EMPTY = parseSdNotify("");

test.each([
  ["READY=1", { ready: true }],
  ["READY=0", {}],
  ["READY=1\n", { ready: true }],
  ["RELOADING=1\nMONOTONIC_USEC=12345", { reloading: true }],
  ["STOPPING=1\nSTATUS=", { stopping: true, status: "" }],
  ["STATUS=a=b, c", { status: "a=b, c" }],
  ["STATUS=one\nSTATUS=two", { status: "two" }],
  ["MAINPID=4711", { mainPid: 4711 }],
  ["MAINPID=-1", {}],
  ["MAINPID=4194304", { mainPid: 4_194_304 }],
  ["MAINPID=4194305", {}],
  ["WATCHDOG=1", { watchdog: "alive" }],
  ["WATCHDOG=trigger", { watchdog: "trigger" }],
  ["WATCHDOG=2", {}],
  ["WATCHDOG_USEC=1500000", { watchdogMs: 1500 }],
  ["WATCHDOG_USEC=0", { watchdogMs: 0 }],
  ["EXTEND_TIMEOUT_USEC=2000000", { extendMs: 2000 }],
  ["EXTEND_TIMEOUT_USEC=9999999999999999", { extendMs: 86_400_000 }],
  ["EXTEND_TIMEOUT_USEC=18446744073709551615", { extendMs: 86_400_000 }],
  ["EXTEND_TIMEOUT_USEC=99999999999999999999999", {}],
  ["EXTEND_TIMEOUT_USEC=1e9", {}],
  ["BARRIER=1", {}],
  ["FDSTORE=1\nX_OWN=yes", {}],
  ["nonsense", {}],
  ["=1", {}],
] as const)("%p", (text, fields) => {
  expect(parseSdNotify(text)).toEqual({ ...EMPTY, ...fields });
});

test("for any input, numbers are finite and the status is short", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200 }),
      fc.constantFrom("MAINPID", "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC", "STATUS"),
      (value, name) => {
        const notice = parseSdNotify(`${name}=${value}`);
        for (const number of [notice.mainPid, notice.watchdogMs, notice.extendMs])
          if (number !== null) expect(Number.isFinite(number) && number >= 0).toBe(true);
        expect((notice.status ?? "").length).toBeLessThanOrEqual(1000);
      },
    ),
  );
});
