/** What the interpreter does when an effect throws or a unit is removed. */
import { expect, test } from "bun:test";
import { code, hook } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

test.each([
  [{ type: "spawn", run: 1 } as const, { type: "spawnFailed", run: 1, failure: { stage: "prepare", resources: true } }],
  [{ type: "prepare", run: 1 } as const, { type: "prepared", run: 1 }],
  [{ type: "finish", run: 1 } as const, { type: "finished", run: 1 }],
  [{ type: "reload", run: 1 } as const, { type: "reloaded", run: 1 }],
])("an effect that throws is answered: %p", (effect, fact) => {
  const { perform, facts, bugs, processes, logs } = rig({
    preStart: [hook()],
    postStop: [hook()],
    reload: { kind: "command", command: "reread", args: [], timeoutMs: 1000 },
  });
  if (effect.type === "reload") perform({ type: "spawn", run: 1 });
  facts();
  processes.spawnFails = new Error("out of luck");
  if (effect.type === "spawn") {
    processes.spawnFails = null;
    logs.writersFail = new Error("out of luck");
  }
  perform(effect);
  const answers = facts();
  expect(answers).toMatchObject([fact]);
  expect(JSON.stringify(answers)).toContain("internal error in sup: out of luck");
  expect(bugs).toEqual([`cannot perform ${effect.type} of web: out of luck`]);
});

test("a sweep that throws is answered as finished", () => {
  const { perform, facts, processes, bugs } = rig();
  perform({ type: "spawn", run: 1 });
  facts();
  processes.isEmpty = () => {
    throw new Error("out of luck");
  };
  perform({ type: "sweep", run: 1, signal: 15 });
  expect(facts()).toEqual([{ type: "swept", run: 1, killed: [] }]);
  expect(bugs).toHaveLength(1);
});

test("a removed unit is forgotten once; a late exit is still reported with its run", () => {
  const { perform, facts, processes, interpreter } = rig();
  perform({ type: "spawn", run: 1 });
  facts();
  interpreter.forget("web");
  expect(processes.acts.at(-1)).toBe("forget web#1");
  processes.latest().onExit(code(0));
  expect(facts()).toEqual([{ type: "exited", run: 1, exit: code(0) }]);
  interpreter.forget("web");
  expect(processes.acts.filter((act) => act.startsWith("forget"))).toHaveLength(1);
});
