import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Lock, takeLock } from "../../../../src/linux/self/lock.ts";
import { isLockHeld } from "../../../../src/linux/self/probe-lock.ts";
import { libc } from "../../../../src/linux/ffi/libc.ts";
import { until } from "../support.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "sup-lock-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("only one process can hold the lock; others get its pid; release frees it", () => {
  const first = takeLock(directory);
  if (!first.ok) throw new Error(JSON.stringify(first));
  expect(takeLock(directory)).toEqual({ ok: false, error: { kind: "held", pid: process.pid } });
  first.value.release();
  const second = takeLock(directory);
  expect(second.ok).toBe(true);
  if (second.ok) second.value.release();
});

test("SIGKILL of the holder frees the lock, although the file remains", async () => {
  const source = `import { type Lock, takeLock } from ${JSON.stringify(resolve("src/linux/self/lock.ts"))};
    console.log(takeLock(${JSON.stringify(directory)}).ok); setInterval(() => {}, 1000);`;
  await using holder = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  const { value } = await holder.stdout.getReader().read();
  expect(new TextDecoder().decode(value).trim()).toBe("true");
  expect(takeLock(directory)).toEqual({ ok: false, error: { kind: "held", pid: holder.pid } });
  holder.kill("SIGKILL");
  await holder.exited;
  let lock = takeLock(directory);
  await until(() => lock.ok || (lock = takeLock(directory)).ok, "the lock to be free");
  if (lock.ok) lock.value.release();
});

test("an inherited descriptor keeps the lock without a gap", () => {
  const first = takeLock(directory);
  if (!first.ok) throw new Error(JSON.stringify(first));
  const again = takeLock(directory, first.value.fd);
  expect(again.ok).toBe(true);
  expect(takeLock(directory).ok).toBe(false);
  expect(libc.fcntl(first.value.fd, 1, 0) & 1).toBe(1); // close-on-exec is set again
  first.value.release();
});

test("a missing state directory is an error with its errno", () => {
  expect(takeLock(join(directory, "no"))).toEqual({ ok: false, error: { kind: "failed", errno: 2 } });
});

const taken = (): Lock => {
  const lock = takeLock(directory);
  if (!lock.ok) throw new Error(JSON.stringify(lock));
  return lock.value;
};

test("after the file was deleted or replaced nobody else can take the lock, and the holder makes the file again", () => {
  const lock = taken();
  expect(lock.restore()).toBe("intact");
  for (const replace of [false, true]) {
    rmSync(join(directory, "lock"));
    if (replace) writeFileSync(join(directory, "lock"), "");
    expect(isLockHeld(join(directory, "lock"))).toBe(true);
    expect(takeLock(directory)).toEqual({ ok: false, error: { kind: "held", pid: process.pid } });
    expect(lock.restore()).toBe("restored");
    expect(lock.restore()).toBe("intact");
    expect(readFileSync(join(directory, "lock"), "utf8")).toBe(`${process.pid}\n`);
    expect(takeLock(directory)).toEqual({ ok: false, error: { kind: "held", pid: process.pid } });
  }
  lock.release();
  taken().release();
  expect(isLockHeld(join(directory, "lock"))).toBe(false);
});

test("a daemon that found a new directory in the place of the deleted one is reported with its pid", () => {
  const lock = taken();
  rmSync(directory, { recursive: true });
  expect(lock.restore()).toEqual({ kind: "failed", errno: 2 });
  mkdirSync(directory);
  const other = taken();
  expect(lock.restore()).toEqual({ kind: "held", pid: process.pid });
  other.release();
  expect(lock.restore()).toBe("restored");
  expect(takeLock(directory).ok).toBe(false);
  lock.release();
});
