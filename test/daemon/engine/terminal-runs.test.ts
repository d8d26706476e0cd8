/** Runs of a unit with a terminal, on fake ports. */
import { expect, test } from "bun:test";
import { fstatSync, openSync } from "node:fs";
import { code, ref } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

/** A unit with a terminal whose program's end is a descriptor of /dev/null. `acts` lists the calls, `fds` the descriptors. */
function onTerminal(parts: Parameters<typeof rig>[0] = {}, isBack = true) {
  const acts: string[] = [];
  const fds: number[] = [];
  const rigged = rig(
    { tty: true, ...parts },
    {
      open(id, output, { columns, rows }) {
        acts.push(`open ${id} ${output} ${columns}x${rows}`);
        const fd = openSync("/dev/null", "r+");
        fds.push(fd);
        return { ok: true, value: fd };
      },
      takeBack: (id, output) => (acts.push(`take back ${id} ${output}`), isBack),
      drain: (id) => void acts.push(`drain ${id}`),
      close: (id) => void acts.push(`close ${id}`),
    },
  );
  return { ...rigged, acts, fds };
}

test("the terminal is stdin, stdout and stderr of the process, and the daemon keeps only its own end", () => {
  const { perform, facts, processes, acts, fds, logs } = onTerminal();
  perform({ type: "spawn", run: 1 });
  expect(facts()).toEqual([{ type: "spawned", run: 1, process: ref(100) }]);
  const { request } = processes.latest();
  expect(request).toMatchObject({ fds: [fds[0], fds[0], fds[0]], terminal: true });
  expect(request!.env.TERM).toBe("xterm-256color");
  expect(acts).toEqual(["open web 11 80x24"]);
  expect(logs.acts).toEqual(["open web", "mark web", "writers web", "close writers web"]);
  expect(() => fstatSync(fds[0]!)).toThrow("EBADF");
});

test("TERM of the unit has precedence, and a unit without a terminal has none", () => {
  const own = onTerminal({ environment: { TERM: "vt100" } });
  own.perform({ type: "spawn", run: 1 });
  expect(own.processes.latest().request!.env.TERM).toBe("vt100");
  const none = rig();
  none.perform({ type: "spawn", run: 1 });
  expect(none.processes.latest().request!.env).not.toHaveProperty("TERM");
  expect(none.processes.latest().request).not.toHaveProperty("terminal");
});

test.each([true, false])("without a terminal the start fails with the cause, as a shortage only if it is one (%p)", (isShortage) => {
  const message = "cannot open a terminal: no such file or directory";
  const { perform, facts, processes } = rig({ tty: true }, { open: () => ({ ok: false, error: { message, isShortage } }) });
  perform({ type: "spawn", run: 1 });
  expect(facts()).toEqual([{ type: "spawnFailed", run: 1, failure: { stage: "prepare", message, resources: isShortage } }]);
  expect(processes.all).toEqual([]);
});

test("the last output is passed to the log before the exit is reported and before the run is swept, and then the terminal is closed", () => {
  const { perform, facts, processes, acts, logs } = onTerminal();
  perform({ type: "spawn", run: 1 });
  acts.length = logs.acts.length = 0;
  processes.latest().onExit(code(0));
  expect([acts, logs.acts]).toEqual([["drain web"], ["drain web"]]);
  facts();
  perform({ type: "sweep", run: 1, signal: 15 });
  expect(facts()).toEqual([{ type: "swept", run: 1, killed: [] }]);
  expect(acts).toEqual(["drain web", "drain web", "close web"]);
  expect(logs.acts).toEqual(["drain web", "end web"]);
});

test.each([true, false])("an adopted run continues with its terminal; the log says if it is lost (%p)", (isBack) => {
  const { interpreter, world, acts, logs } = onTerminal({}, isBack);
  const { unit, spec } = world.get("web")!;
  expect(interpreter.adopt("web", { ...unit, run: 4, process: ref(50) }, spec)).toBe("adopted");
  expect(acts).toEqual(["take back web 11"]);
  expect(logs.notes).toHaveLength(isBack ? 0 : 1);
});
