import { ok, type Result } from "../../base/result.ts";
import { parseSdNotify } from "../../core/unit/sd-notify.ts";
import type { WorldEvent } from "../../core/world/world.ts";
import type { SdNotifyMessage, SdNotifySockets } from "../../ports/sd-notify.ts";
import type { Processes, ProcessRef, TreeOf } from "../../ports/processes.ts";
import type { Spec } from "../../spec/spec.ts";

/** A run whose main process is alive. */
export interface LiveRun {
  readonly run: number;
  readonly tree: TreeOf;
  /** Makes another process of the tree the main process. Returns false if that process has ended in the meantime. */
  readonly changeMain: (ref: ProcessRef) => boolean;
}

export interface ServiceNotifyOptions {
  readonly sockets: SdNotifySockets;
  readonly processes: Processes;
  /** Returns the live run of a unit, or null if no main process of the unit is alive. */
  readonly runOf: (id: string) => LiveRun | null;
  /** Returns why a unit that is starting cannot be ready, because it does not have its sockets open. Null if nothing is known against it. */
  readonly whyNotReady: (id: string, tree: TreeOf) => string | null;
  readonly post: (event: WorldEvent) => void;
  /** Writes a line to the unit's log. */
  readonly note: (id: string, text: string) => void;
}

/**
 * Receives the sd_notify(3) messages of services. All processes of the unit may send them, as with NotifyAccess=all in systemd,
 * because scripts call systemd-notify. Messages of other processes are ignored. The kernel supplies the pid of the sender, which must
 * belong to a live process of the run.
 */
export class ServiceNotify {
  readonly #options: ServiceNotifyOptions;
  /** For each unit, the last run in which the log noted a message from a process outside the run. */
  readonly #noted = new Map<string, number>();

  constructor(options: ServiceNotifyOptions) {
    this.#options = options;
  }

  /** Opens the unit's notification socket if its spec needs one. Returns the environment variables that the process needs to use it. */
  open(spec: Spec): Result<Readonly<Record<string, string>>, string> {
    const { id, watchdogMs } = spec;
    if (!needsSocket(spec)) return ok({});
    const address = this.#options.sockets.open(id, spec.identity.user !== null, (message) => this.#receive(id, message));
    if (!address.ok) return address;
    const watchdog = watchdogMs === null ? {} : { WATCHDOG_USEC: String(Math.round(watchdogMs * 1000)), WATCHDOG_PID: "" };
    return ok({ NOTIFY_SOCKET: address.value, ...watchdog });
  }

  /** Reads the remaining messages, which a process may have sent just before it ended. */
  drain(id: string): void {
    this.#options.sockets.drain(id);
  }

  forget(id: string): void {
    this.#noted.delete(id);
  }

  #receive(id: string, { pid, text }: SdNotifyMessage): void {
    const { processes, runOf, whyNotReady, post, note } = this.#options;
    const live = runOf(id);
    if (live === null) return;
    const { run, tree, changeMain } = live;
    if (pid !== tree.main.pid && processes.findMember(tree, pid) === null) {
      if (this.#noted.get(id) !== run) note(id, `a notification of pid ${pid} was ignored: no process of this unit has that pid`);
      this.#noted.set(id, run);
      return;
    }
    const notice = parseSdNotify(text);
    if (notice.mainPid !== null && notice.mainPid !== tree.main.pid) {
      const process = processes.findMember(tree, notice.mainPid);
      if (process === null) note(id, `MAINPID=${notice.mainPid} was ignored: no process of this unit has that pid`);
      else if (changeMain(process)) post({ type: "fact", id, fact: { type: "mainChanged", run, process } });
    }
    const fault = notice.ready ? whyNotReady(id, tree) : null;
    if (fault !== null)
      return post({ type: "fact", id, fact: { type: "condemned", run, by: "health", detail: `it sent READY=1, but ${fault}` } });
    post({ type: "fact", id, fact: { type: "notified", run, notice } });
  }
}

const needsSocket = ({ type, watchdogMs }: Spec): boolean => type === "notify" || watchdogMs !== null;
