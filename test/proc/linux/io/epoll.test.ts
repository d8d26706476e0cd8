import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { makePipe, readFifo } from "../../../../src/linux/io/fifo.ts";
import { openEpoll } from "../../../../src/linux/io/epoll.ts";
import { writeSync } from "node:fs";
import { descriptors, identity, machine, newDescriptors, startProcess, until } from "../support.ts";

const pipe = () => {
  const made = makePipe();
  if (!made.ok) throw new Error(`errno ${made.error}`);
  return made.value;
};
const onError = (error: unknown): void => {
  throw error;
};
const buffer = Buffer.alloc(64);

test("the self-test finds that Bun's loop watches sets", async () => {
  const epoll = openEpoll({ onError });
  expect(await epoll.tested).toBe("loop");
  epoll.close();
});

test("the self-test passes even if the loop is blocked for longer than the test takes", async () => {
  const warnings: string[] = [];
  const epoll = openEpoll({ onError, onWarning: (message) => warnings.push(message) });
  Bun.sleepSync(1200);
  expect(await epoll.tested).toBe("loop");
  expect(warnings).toEqual([]);
  epoll.close();
});

test("where Bun's loop does not watch sets, a timer polls them", async () => {
  const epoll = openEpoll({ onError, forceInterval: true });
  expect(await epoll.tested).toBe("interval");
  const { reader, writer } = pipe();
  const woken = Promise.withResolvers<void>();
  epoll.add(reader, "in", false, () => {
    readFifo(reader, buffer, 0, 64);
    woken.resolve();
  });
  writeSync(writer, "x");
  await woken.promise;
  epoll.close();
  closeSync(reader);
  closeSync(writer);
});

test("a callback that throws is reported and the others still run", async () => {
  const errors: unknown[] = [];
  const epoll = openEpoll({ onError: (error) => errors.push(error) });
  const pipes = [pipe(), pipe(), pipe()];
  const seen = new Set<number>();
  pipes.forEach(({ reader, writer }, i) => {
    epoll.add(reader, "in", false, () => {
      readFifo(reader, buffer, 0, 64);
      seen.add(i);
      if (i === 0) throw new Error("on purpose");
    });
    writeSync(writer, "x");
  });
  await until(() => seen.size === 3, "three wakes");
  expect(errors).toEqual([new Error("on purpose")]);
  epoll.close();
  for (const { reader, writer } of pipes) [reader, writer].forEach((fd) => closeSync(fd));
});

test("no callback is called after remove, even for an event that was already polled", async () => {
  const epoll = openEpoll({ onError });
  const [a, b] = [pipe(), pipe()];
  const calls: string[] = [];
  const watch = (name: string, reader: number) =>
    epoll.add(reader, "in", false, () => {
      calls.push(name);
      for (const handle of handles) handle.remove();
    });
  const handles = [watch("a", a.reader), watch("b", b.reader)];
  writeSync(a.writer, "x");
  writeSync(b.writer, "x");
  await until(() => calls.length > 0, "a wake");
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toHaveLength(1);
  epoll.close();
  for (const fd of [a.reader, a.writer, b.reader, b.writer]) closeSync(fd);
});

test("slow callbacks that leave data unread do not starve others", async () => {
  const epoll = openEpoll({ onError });
  const greedy = Array.from({ length: 8 }, pipe);
  const last = pipe();
  const done = Promise.withResolvers<void>();
  for (const { reader, writer } of greedy) {
    epoll.add(reader, "in", false, () => {
      const end = performance.now() + 6;
      while (performance.now() < end);
    });
    writeSync(writer, "x");
  }
  epoll.add(last.reader, "in", false, () => done.resolve());
  writeSync(last.writer, "x");
  await done.promise;
  epoll.close();
  for (const { reader, writer } of [...greedy, last]) [reader, writer].forEach((fd) => closeSync(fd));
});

test("many watches share a few descriptors, each callback is called, and the places of removed watches are reused", async () => {
  const epoll = openEpoll({ onError });
  const held = (): number => descriptors(["[eventpoll]", "[eventfd]"]).length;
  const before = held(); // of this instance, and of earlier ones that the loop has not closed yet
  const pipes = Array.from({ length: 500 }, pipe);
  const called = new Set<number>();
  const watch = (): Array<{ remove(): void }> =>
    pipes.map(({ reader }, i) =>
      epoll.add(reader, "in", true, () => {
        readFifo(reader, buffer, 0, 64);
        called.add(i);
      }),
    );
  let handles = watch();
  const used = held() - before;
  expect(used).toBeWithin(3, 12);
  for (let round = 0; round < 3; round++) {
    for (const { writer } of pipes) writeSync(writer, "x");
    await until(() => called.size === pipes.length, "all callbacks");
    for (const handle of handles) handle.remove();
    called.clear();
    handles = watch();
  }
  expect(held() - before).toBeLessThanOrEqual(used);
  epoll.close();
  await until(() => held() <= before - 2, "the sets to be closed"); // `before` included one set and one eventfd of this instance
  for (const { reader, writer } of pipes) [reader, writer].forEach((fd) => closeSync(fd));
});

test("a wake costs as much with thousands of watches as with a few", async () => {
  const wakes = async (watched: number): Promise<number> => {
    const epoll = openEpoll({ onError });
    const { reader, writer } = pipe();
    const others = Array.from({ length: watched }, pipe);
    for (const other of others) epoll.add(other.reader, "in", true, () => {});
    let next = Promise.withResolvers<void>();
    epoll.add(reader, "in", true, () => {
      readFifo(reader, buffer, 0, 64);
      next.resolve();
    });
    // The minimum of many rounds: in others the garbage collector or the JIT compiler may have run as well.
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 25; round++) {
      const began = process.cpuUsage();
      for (let i = 0; i < 20; i++) {
        next = Promise.withResolvers<void>();
        writeSync(writer, "x");
        await next.promise;
      }
      const { user, system } = process.cpuUsage(began);
      least = Math.min(least, user + system);
    }
    epoll.close();
    for (const one of [...others, { reader, writer }]) [one.reader, one.writer].forEach((fd) => closeSync(fd));
    return least;
  };
  await wakes(10); // lets the JIT compiler finish
  const few = await wakes(10);
  expect(await wakes(4000)).toBeLessThan(8 * few); // with a single set it would be thirty times as much
}, 30_000);

test("a thousand processes are watched at once and every exit is reported", async () => {
  using m = machine();
  const before = descriptors(["pidfd"]);
  const count = 1000;
  let reported = 0;
  const request = { argv: ["/bin/sleep", "1000"], env: {}, cwd: null, identity, fds: [null, null, null] };
  const all = await Promise.all(Array.from({ length: count }, () => startProcess(m.processes, request)));
  const refs = all.map(({ result, exited }) => {
    if (!result.ok) throw new Error(JSON.stringify(result));
    void exited.then((exit) => {
      expect(exit).toEqual({ kind: "signal", signal: 9, core: false });
      reported++;
    });
    return result.ref;
  });
  for (const ref of refs) expect(m.processes.signal(ref, 9)).toBe(true);
  await until(() => reported === count, "a thousand exits");
  expect(newDescriptors(before, ["pidfd"])).toEqual([]);
}, 60_000);
