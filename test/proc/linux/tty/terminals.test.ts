/** Terminals of units with a real kernel: output to the log, input, size, and the end of a terminal. */
import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { duplicate } from "../../../../src/linux/ffi/libc.ts";
import { openTerminals } from "../../../../src/linux/tty/terminals.ts";
import type { Terminals } from "../../../../src/ports/terminals.ts";
import { LogKit, logSpec } from "../../logs/kit.ts";
import { until } from "../../../harness/until.ts";

class Rig implements AsyncDisposable {
  readonly kit = new LogKit();
  readonly kept = new Map<string, number>();
  readonly terminals: Terminals = this.next();

  /** Another daemon's terminals, which find what the keeper has. */
  next(): Terminals {
    return openTerminals({
      epoll: this.kit.epoll,
      keeper: {
        keep: (key, fd) => void this.kept.set(key, fd),
        drop: (key) => void this.kept.delete(key),
        takeBack: (key) => (this.kept.has(key) ? duplicate(this.kept.get(key)!) : null),
      },
      drainLog: (unit) => this.kit.logs.drain(unit),
    });
  }

  /** Runs a shell script on a terminal of 90 by 30 characters. */
  run(script: string): Bun.Subprocess {
    this.kit.logs.open("web", logSpec());
    const writers = this.kit.logs.writers("web");
    const terminal = this.terminals.open("web", writers.stdout, { columns: 90, rows: 30 });
    writers.close();
    if (!terminal.ok) throw new Error(terminal.error.message);
    const fd = terminal.value;
    const child = Bun.spawn(["setsid", "-c", "sh", "-c", script], { stdin: fd, stdout: fd, stderr: fd });
    closeSync(fd);
    return child;
  }

  lines(): string[] {
    this.terminals.drain("web");
    this.kit.logs.drain("web");
    return this.kit.logs.read("web", {}).map(({ text }) => text.replace(/\r$/, ""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminals.close("web");
    await this.kit[Symbol.asyncDispose]();
  }
}

test("the program has a terminal of the size that was asked for, and its output is in the log", async () => {
  await using rig = new Rig();
  await rig.run("tty | cut -c1-9; stty size; echo to stderr >&2").exited;
  expect(rig.lines()).toEqual(["/dev/pts/", "30 90", "to stderr"]);
});

test("what is typed reaches the program, in order, and a new size too", async () => {
  await using rig = new Rig();
  const child = rig.run(
    "stty -echo; echo ready; read a; read b; trap 'stty size' WINCH; echo got $a $b; while :; do read c && break; done",
  );
  await until(() => rig.lines().includes("ready"), { what: "the program to be ready" });
  const typed = [rig.terminals.type("web", Buffer.from("one\n")), rig.terminals.type("web", Buffer.from("two\n"))];
  expect(await Promise.all(typed)).toEqual([true, true]);
  await until(() => rig.lines().includes("got one two"), { what: "what was typed" });
  rig.terminals.resize("web", { columns: 120, rows: 50 });
  await rig.terminals.type("web", Buffer.from("end\n"));
  await child.exited;
  expect(rig.lines()).toEqual(["ready", "got one two", "50 120"]);
});

test("more output than fits into the terminal and the pipe together is complete", async () => {
  await using rig = new Rig();
  await rig.run("stty -onlcr; seq -f %0100.0f 1 20000").exited; // 2 MB
  expect(rig.lines()).toEqual(Array.from({ length: 20_000 }, (_, i) => String(i + 1).padStart(100, "0")));
});

test("a program that does not read makes the typist wait; its end or the end of the terminal ends the wait", async () => {
  await using rig = new Rig();
  const child = rig.run("stty raw -echo; echo ready; sleep 1000");
  await until(() => rig.lines().includes("ready"), { what: "the program to be ready" });
  const flood = rig.terminals.type("web", Buffer.alloc(500_000, "x"));
  expect(await rig.terminals.type("web", Buffer.alloc(900_000, "x"))).toBe(false);
  rig.terminals.close("web");
  expect(await flood).toBe(false);
  expect(await rig.terminals.type("web", Buffer.from("x"))).toBe(false);
  await child.exited; // SIGHUP
  expect(child.signalCode).toBe("SIGHUP");
});

test("the next daemon takes the terminal back from the keeper, with the output that waits in it", async () => {
  await using rig = new Rig();
  const child = rig.run("stty -echo; echo before; read a; echo after $a");
  await until(() => rig.lines().includes("before"), { what: "the program to be ready" });
  const next = rig.next();
  const writers = rig.kit.logs.writers("web");
  expect([next.takeBack("none", writers.stdout), next.takeBack("web", writers.stdout), next.has("web")]).toEqual([false, true, true]);
  writers.close();
  expect(await next.type("web", Buffer.from("crash\n"))).toBe(true);
  await child.exited;
  next.drain("web");
  expect(rig.lines()).toEqual(["before", "after crash"]);
  next.close("web");
});
