import { expect, jest, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { openKeeper } from "../../../../src/linux/keeper/keeper.ts";
import { readStat } from "../../../../src/linux/proc/proc.ts";
import { tempDir } from "../../../harness/temp.ts";

const nextTurn = (): Promise<unknown> => new Promise(setImmediate);

test("the keeper stays while the only service restarts, and ends ten seconds after the last one", async () => {
  using dir = tempDir();
  const keeper = openKeeper({ runtimeDir: dir.path, onProblem: (message) => expect(message).toBe("") });
  const fd = openSync("/dev/null", "r");
  jest.useFakeTimers();
  try {
    keeper.settle();
    expect(keeper.pid).toBeNull();
    keeper.keep("process 1", fd);
    await nextTurn();
    const pid = keeper.pid!;
    expect(readStat(pid)?.parent).toBe(process.pid);
    keeper.drop("process 1");
    await nextTurn();
    jest.advanceTimersByTime(9999);
    keeper.keep("process 2", fd);
    await nextTurn();
    jest.advanceTimersByTime(60_000);
    expect(keeper.pid).toBe(pid);
    keeper.drop("process 2");
    await nextTurn();
    jest.advanceTimersByTime(9999);
    expect(keeper.pid).toBe(pid);
    jest.advanceTimersByTime(1);
    expect(keeper.pid).toBeNull();
    expect(readStat(pid)).toBeNull();
  } finally {
    jest.useRealTimers();
    keeper.close();
    closeSync(fd);
  }
});

test("the keeper stays as long as there is a listening socket, because clients may connect while no service runs", async () => {
  using dir = tempDir();
  const keeper = openKeeper({ runtimeDir: dir.path, onProblem: (message) => expect(message).toBe("") });
  const fd = openSync("/dev/null", "r");
  jest.useFakeTimers();
  try {
    keeper.settle();
    keeper.keep("socket web 0 127.0.0.1:80", fd);
    await nextTurn();
    jest.advanceTimersByTime(60_000);
    expect(keeper.pid).not.toBeNull();
    keeper.drop("socket web 0 127.0.0.1:80");
    await nextTurn();
    jest.advanceTimersByTime(10_000);
    expect(keeper.pid).toBeNull();
  } finally {
    jest.useRealTimers();
    keeper.close();
    closeSync(fd);
  }
});
