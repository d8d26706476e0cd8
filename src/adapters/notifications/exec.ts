import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { errnoWords } from "../../base/errno.ts";
import { describeExit } from "../../base/exit.ts";
import type { Epoll } from "../../linux/io/epoll.ts";
import { makePipe } from "../../linux/io/fifo.ts";
import type { Attempt, SendResult } from "../../ports/notifier.ts";
import type { Processes, TreeOf } from "../../ports/processes.ts";
import type { ExecChannel } from "../../spec/notifications.ts";
import { CommandOutput } from "../probes/command-output.ts";
import { generic } from "./chat.ts";

export interface ExecDeps {
  readonly processes: Pick<Processes, "spawn" | "killTree">;
  readonly epoll: Pick<Epoll, "add">;
  /** Directory for files that become the standard input of commands. */
  readonly scratch: string;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Runs a command with the message as JSON on its standard input. Exit code 0 means that the message was delivered. After any
 * other end, the message is tried again. When the command has ended or has taken too long, all its processes are killed.
 */
export function sendExec(channel: ExecChannel, { message, signal }: Attempt, { processes, epoll, scratch }: ExecDeps): Promise<SendResult> {
  const { promise, resolve } = Promise.withResolvers<SendResult>();
  const failure = (detail: string): SendResult => ({ ok: false, kind: "temporary", detail, retryAfterMs: null });
  const pipe = makePipe();
  if (!pipe.ok) return Promise.resolve(failure(`cannot make a pipe: ${errnoWords(pipe.error)}`));
  const { reader, writer } = pipe.value;
  const output = new CommandOutput(reader);
  const invocation = `notification-${crypto.randomUUID()}`;
  let tree: TreeOf | null = null;
  let isDone = false;
  const finish = (result: SendResult): void => {
    if (isDone) return;
    isDone = true;
    watch.remove();
    closeSync(reader);
    signal.removeEventListener("abort", abort);
    if (tree === null) start.abort();
    else processes.killTree(tree);
    resolve(result);
  };
  const abort = (): void => finish(failure(`${channel.command} did not end in time`));
  const input = inputFile(`${scratch}/notification-${crypto.randomUUID()}`, JSON.stringify(generic(message)));
  const start = processes.spawn(
    {
      argv: [channel.command, ...channel.args],
      env: { PATH, SUP_INVOCATION_ID: invocation, SUP_CHANNEL: channel.name },
      cwd: "/",
      identity: { user: channel.user, group: channel.group, umask: null, nice: null, oomScoreAdj: null, limits: {} },
      fds: [input, writer, writer],
    },
    (started) => {
      if (started.ok) tree = { invocation, main: started.ref };
      else finish(failure(`cannot run ${started.subject}: ${errnoWords(started.errno)}`));
    },
    (exit) => {
      if (isDone) return;
      output.read();
      const line = output.lastLine();
      const words = `${channel.command}: ${describeExit(exit)}${line === "" ? "" : `: ${line}`}`;
      finish(exit.kind === "code" && exit.code === 0 ? { ok: true, detail: words } : failure(words));
    },
  );
  closeSync(writer);
  closeSync(input);
  const watch = epoll.add(reader, "in", false, () => {
    if (output.read() === "ended") watch.remove(); // a pipe stays readable after its end
  });
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  return promise;
}

/**
 * Creates the standard input as a file, because a message may be larger than a pipe. The file's name is removed before the
 * command runs.
 */
function inputFile(path: string, text: string): number {
  const writer = openSync(path, "wx", 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(writer, bytes, at);
    return openSync(path, "r");
  } finally {
    closeSync(writer);
    rmSync(path, { force: true });
  }
}
