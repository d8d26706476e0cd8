/**
 * Health checks by a command. The check passes if the exit code is 0. The command runs as the service's user in its own
 * session. At the end of the check, the command and all its children are killed.
 */
import { closeSync } from "node:fs";
import { errnoName, errnoWords } from "../../base/errno.ts";
import { checkMark } from "../../base/check-mark.ts";
import { describeExit, type Exit } from "../../base/exit.ts";
import { makePipe } from "../../linux/io/fifo.ts";
import type { Epoll } from "../../linux/io/epoll.ts";
import type { ProbeContext, ProbeResult } from "../../ports/prober.ts";
import type { Processes, SpawnResult, TreeOf } from "../../ports/processes.ts";
import type { ExecProbe } from "../../spec/spec.ts";
import { CommandOutput } from "./command-output.ts";
import { type Settle, timed } from "./outcome.ts";

export interface ExecDeps {
  readonly processes: Pick<Processes, "spawn" | "killTree">;
  readonly epoll: Pick<Epoll, "add">;
}

export function probeExec(spec: ExecProbe, context: ProbeContext, deps: ExecDeps, signal: AbortSignal): Promise<ProbeResult> {
  return timed(spec.timeoutMs, signal, (settle, doing) => {
    doing(`end of ${spec.command}`);
    return run(spec, context, deps, settle);
  });
}

function run(spec: ExecProbe, context: ProbeContext, { processes, epoll }: ExecDeps, settle: Settle): () => void {
  const pipe = makePipe();
  if (!pipe.ok) {
    settle("broken", `cannot make a pipe: ${errnoWords(pipe.error)}`);
    return () => {};
  }
  const { reader, writer } = pipe.value;
  const output = new CommandOutput(reader);
  let ended = false;
  // If this daemon is killed, the next one finds the processes of the check by this mark and ends them (daemon/lifecycle/resume.ts).
  const invocation = checkMark(context.env.SUP_INVOCATION_ID ?? "", crypto.randomUUID().slice(0, 8));
  let tree: TreeOf | null = null;
  const start = processes.spawn(
    {
      argv: [spec.command, ...spec.args],
      env: { ...context.env, SUP_INVOCATION_ID: invocation },
      cwd: context.cwd,
      identity: context.identity,
      fds: [null, writer, writer],
    },
    (result) => {
      if (result.ok) tree = { invocation, main: result.ref };
      else if (!ended) settle(...refused(result));
    },
    (exit) => {
      if (ended) return; // the check timed out or was cancelled, so the pipe is closed
      output.read();
      settle(...judge(exit, output.lastLine()));
    },
  );
  closeSync(writer);
  const watch = epoll.add(reader, "in", false, () => {
    if (output.read() === "ended") watch.remove(); // a pipe stays readable after its end
  });
  return () => {
    ended = true;
    watch.remove();
    closeSync(reader);
    if (tree === null) start.abort();
    else processes.killTree(tree);
  };
}

function judge(exit: Exit, line: string): ["ok" | "bad", string] {
  const passed = exit.kind === "code" && exit.code === 0;
  return [passed ? "ok" : "bad", line === "" ? describeExit(exit) : `${describeExit(exit)}: ${line}`];
}

/** Errors that mean a lack of processes, memory or descriptors, which says nothing about the service. */
const OUR_FAULT = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"];

function refused(failure: Extract<SpawnResult, { ok: false }>): ["bad" | "broken", string] {
  const ours = OUR_FAULT.includes(errnoName(failure.errno));
  return [ours ? "broken" : "bad", `cannot run the check: ${failure.subject}: ${errnoWords(failure.errno)}`];
}
