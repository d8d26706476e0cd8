import type { Exit } from "../../../src/base/exit.ts";
import { ok } from "../../../src/base/result.ts";
import type { Keeper } from "../../../src/ports/keeper.ts";
import type { LineTest, LogStore } from "../../../src/ports/logs.ts";
import type { ProbeContext, Prober, ProbeResult } from "../../../src/ports/prober.ts";
import type { FoundRun, PendingStart, Processes, ProcessRef, SpawnRequest, SpawnResult, Survivor } from "../../../src/ports/processes.ts";
import type { SdNotifyMessage, SdNotifySockets } from "../../../src/ports/sd-notify.ts";
import type { Sockets } from "../../../src/ports/sockets.ts";
import type { Terminals } from "../../../src/ports/terminals.ts";
import { TerminalViewers } from "../../../src/daemon/engine/terminal-viewers.ts";
import type { ProbeSpec } from "../../../src/spec/spec.ts";
import { ref } from "../../core/fixtures.ts";

export interface FakeProcess {
  readonly ref: ProcessRef;
  /** Null: it was adopted. */
  readonly request: SpawnRequest | null;
  readonly onExit: (exit: Exit) => void;
}

/** Processes that exist only in the test. `acts` lists the calls. */
export class FakeProcesses implements Processes {
  readonly acts: string[] = [];
  readonly all: FakeProcess[] = [];
  /** Starts stay under way until `settle`, as if the processes hung before exec. */
  isSlow = false;
  /** Reports the results of the starts that are under way, in order. */
  #pending: Array<{ readonly collect: () => void }> = [];
  /** The next spawn fails like this. */
  spawnFails: Extract<SpawnResult, { ok: false }> | Error | null = null;
  adopting: "adopted" | "ended" | "gone" = "adopted";
  /** Pids in every tree besides the main process. */
  readonly otherMembers = new Set<number>();
  /** Processes that remain in the tree and are hit by SIGKILL. */
  survivors: Survivor[] = [];
  outOfMemory = false;
  #emptied: (() => void) | null = null;

  /** The newest process whose command is this; the newest of all without a command. */
  latest(command?: string): FakeProcess {
    const found = this.all.findLast((one) => command === undefined || one.request?.argv[0] === command);
    if (found === undefined) throw new Error(`no process ${command ?? ""} was started`);
    return found;
  }

  spawn(request: SpawnRequest, onStarted: (result: SpawnResult) => void, onExit: (exit: Exit) => void): PendingStart {
    const failure = this.spawnFails;
    this.spawnFails = null;
    if (failure instanceof Error) throw failure;
    const exits = (exit: Exit): void => {
      onExit(exit);
      if (!this.isSlow) this.settle(); // what it led to
    };
    const process: FakeProcess = { ref: ref(100 + this.all.length), request, onExit: exits };
    if (failure === null) {
      this.all.push(process);
      this.acts.push(`spawn ${request.argv.join(" ")}`);
    }
    const report = (result: SpawnResult): void => {
      if (!this.#pending.includes(start)) return;
      this.#pending = this.#pending.filter((other) => other !== start);
      onStarted(result);
    };
    const start = {
      collect: () => report(failure ?? { ok: true, ref: process.ref }),
      abort: () => report({ ok: false, stage: "chdir", errno: 125, subject: "/hangs" }),
    };
    this.#pending.push(start);
    queueMicrotask(() => void (this.isSlow || start.collect()));
    return { collect: () => void (this.isSlow || start.collect()), abort: start.abort };
  }

  /** All processes that were being set up have called exec, or have failed. */
  settle(): void {
    this.isSlow = false;
    for (const { collect } of [...this.#pending]) collect();
  }

  adopt(process: ProcessRef, onExit: (exit: Exit) => void): "adopted" | "ended" | "gone" {
    this.acts.push(`adopt ${process.pid}`);
    if (this.adopting !== "gone") this.all.push({ ref: process, request: null, onExit });
    return this.adopting;
  }

  signal({ pid }: ProcessRef, signal: number): boolean {
    this.acts.push(`signal ${pid} ${signal}`);
    return this.condition() !== "gone";
  }

  signalTree({ main }: { readonly main: ProcessRef }, signal: number, mode: string): void {
    this.acts.push(`signal tree ${main.pid} ${signal} ${mode}`);
  }

  killTree({ invocation, main }: { readonly invocation: string; readonly main: ProcessRef }): readonly Survivor[] {
    this.acts.push(`kill ${invocation === "" ? "session" : "tree"} ${main.pid}`);
    return this.survivors;
  }

  isEmpty = (): boolean => this.survivors.length === 0;

  whenEmpty(_tree: unknown, callback: () => void): () => void {
    this.#emptied = callback;
    return () => undefined;
  }

  /** The last remaining process ends. */
  empties(): void {
    this.survivors = [];
    this.#emptied?.();
    this.#emptied = null;
  }

  findMember = (_tree: unknown, pid: number): ProcessRef | null => (this.otherMembers.has(pid) ? ref(pid) : null);
  members = (): readonly Survivor[] => this.survivors;
  condition: () => "running" | "stopped" | "zombie" | "gone" = () => "running";
  ranOutOfMemory = (): boolean => this.outOfMemory;
  containment = (): "processes" => "processes";
  bind(invocation: string, bounds: unknown): void {
    this.acts.push(`bind ${invocation} ${JSON.stringify(bounds)}`);
  }
  unheld = (): string | null => "no cgroup";
  /** Processes with an invocation that an earlier daemon left. */
  found: FoundRun[] = [];
  findRuns = (): readonly FoundRun[] => this.found;
  forget(invocation: string): void {
    this.acts.push(`forget ${invocation}`);
  }
}

/** A log store that records its calls and the notes in the logs. */
/** Terminals that cannot be opened, except for what `more` replaces. */
export function fakeTerminals(more: Partial<Terminals> = {}): { readonly terminals: Terminals; readonly viewers: TerminalViewers } {
  const terminals: Terminals = {
    open: () => ({ ok: false, error: { message: "no terminals here", isShortage: false } }),
    takeBack: () => false,
    has: () => false,
    drain() {},
    type: async () => false,
    resize() {},
    close() {},
    all: () => ({}),
    restore() {},
    ...more,
  };
  return { terminals, viewers: new TerminalViewers(terminals, { tap() {} }) };
}

export function fakeLogs(): {
  readonly logs: LogStore;
  readonly notes: string[];
  readonly acts: string[];
  writersFail: Error | null;
  unshared: string | null;
  readonly tests: Readonly<Record<string, readonly LineTest[]>>;
} {
  const notes: string[] = [];
  const acts: string[] = [];
  const fake = {
    notes,
    acts,
    writersFail: null as Error | null,
    unshared: null as string | null,
    tests: {} as Record<string, readonly LineTest[]>,
  };
  const logs: Pick<LogStore, "open" | "writers" | "drain" | "endRun" | "note" | "markRun" | "matchLines" | "share"> = {
    open: (id) => void acts.push(`open ${id}`),
    writers(id) {
      if (fake.writersFail !== null) throw fake.writersFail;
      acts.push(`writers ${id}`);
      return { stdout: 11, stderr: 12, close: () => void acts.push(`close writers ${id}`) };
    },
    drain: (id) => void acts.push(`drain ${id}`),
    endRun: (id) => void acts.push(`end ${id}`),
    note: (id, text) => void notes.push(`${id}: ${text}`),
    markRun: (id) => void acts.push(`mark ${id}`),
    share: () => fake.unshared,
    matchLines(id, tests) {
      if (tests.length > 0) acts.push(`match ${id}`);
      fake.tests[id] = tests;
    },
  };
  return Object.assign(fake, { logs: logs as LogStore });
}

/** Probes that a test answers. */
export class FakeProber implements Prober {
  readonly probes: Array<{ readonly spec: ProbeSpec; readonly context: ProbeContext; readonly signal: AbortSignal }> = [];
  #answer: PromiseWithResolvers<ProbeResult> = Promise.withResolvers();

  probe(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<ProbeResult> {
    this.probes.push({ spec, context, signal });
    this.#answer = Promise.withResolvers();
    return this.#answer.promise;
  }

  answer = (result: ProbeResult): void => this.#answer.resolve(result);
  breaks = (error: Error): void => this.#answer.reject(error);
}

export class FakeSdNotify implements SdNotifySockets {
  readonly #listeners = new Map<string, (message: SdNotifyMessage) => void>();
  /** Sent by a process and not yet read, when the process ends. */
  readonly unread: Array<{ readonly unit: string; readonly message: SdNotifyMessage }> = [];
  fails: string | null = null;

  open(
    unit: string,
    _shared: boolean,
    listener: (message: SdNotifyMessage) => void,
  ): { ok: true; value: string } | { ok: false; error: string } {
    if (this.fails !== null) return { ok: false, error: this.fails };
    this.#listeners.set(unit, listener);
    return ok(`/run/notify/${unit}`);
  }

  says(unit: string, pid: number, text: string): void {
    this.#listeners.get(unit)?.({ pid, text });
  }

  drain(unit: string): void {
    for (const { message } of this.unread.splice(0)) this.says(unit, message.pid, message.text);
  }

  close = (): void => undefined;
  all = (): Record<string, never> => ({});
  restore = (): void => undefined;
}

/** Sockets and a keeper that hand out numbers for descriptors. `listenFails` is the error of the next address. */
export function fakeSockets(): { readonly sockets: Sockets; readonly keeper: Keeper; readonly acts: string[]; listenFails: string | null } {
  const acts: string[] = [];
  let next = 50;
  const fake = { acts, listenFails: null as string | null };
  const sockets: Sockets = {
    listen: () => (fake.listenFails === null ? ok(next++) : { ok: false, error: fake.listenFails }),
    fileOf: () => null,
    borrow: () => null,
    keep: (fd, kept) => void acts.push(`keep ${fd} ${kept}`),
    drop: (fd) => void acts.push(`drop ${fd}`),
    close: (fd) => void acts.push(`close ${fd}`),
  };
  const keeper: Keeper = {
    pid: null,
    keep: (key) => void acts.push(`keeper keeps ${key}`),
    drop: (key) => void acts.push(`keeper drops ${key}`),
    takeBack: () => null,
    restoreFile: () => undefined,
    settle: () => undefined,
    leave: () => undefined,
    close: () => undefined,
  };
  return Object.assign(fake, { sockets, keeper });
}
