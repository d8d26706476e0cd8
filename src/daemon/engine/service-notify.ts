import { ok, type Result } from "../../base/result.ts";
import { parseSdNotify } from "../../core/unit/sd-notify.ts";
import type { WorldEvent } from "../../core/world/world.ts";
import type { SdNotifyMessage, SdNotifySockets } from "../../ports/sd-notify.ts";
import type { Processes, ProcessRef, TreeOf } from "../../ports/processes.ts";
import type { Spec } from "../../spec/spec.ts";

/** The live run of a unit, as its interpreter knows it. */
export interface LiveRun {
  readonly run: number;
  readonly tree: TreeOf;
  /** Watches another process of the tree as the main one. */
  readonly changeMain: (ref: ProcessRef) => boolean;
}

export interface ServiceNotifyOptions {
  readonly sockets: SdNotifySockets;
  readonly processes: Processes;
  /** Null when no main process of the unit is alive. */
  readonly runOf: (id: string) => LiveRun | null;
  readonly post: (event: WorldEvent) => void;
  /** For the unit's log. */
  readonly note: (id: string, text: string) => void;
}

/**
 * What services say of themselves by sd_notify(3). Any process of the unit may speak for it (systemd's NotifyAccess=all:
 * a script says it by systemd-notify), nobody else: the kernel names the sender, and it must be alive and of the run's tree.
 */
export class ServiceNotify {
  readonly #options: ServiceNotifyOptions;
  /** Runs whose first stranger was noted. */
  readonly #noted = new Map<string, number>();

  constructor(options: ServiceNotifyOptions) {
    this.#options = options;
  }

  /** Listens to the unit, where its file asks for it; answers the variables that tell the process where to speak. */
  open(spec: Spec): Result<Readonly<Record<string, string>>, string> {
    const { id, watchdogMs } = spec;
    if (!listensTo(spec)) return ok({});
    const address = this.#options.sockets.open(id, spec.identity.user !== null, (message) => this.#hear(id, message));
    if (!address.ok) return address;
    const watchdog = watchdogMs === null ? {} : { WATCHDOG_USEC: String(Math.round(watchdogMs * 1000)), WATCHDOG_PID: "" };
    return ok({ NOTIFY_SOCKET: address.value, ...watchdog });
  }

  /** Takes in what a process said right before it ended. */
  drain(id: string): void {
    this.#options.sockets.drain(id);
  }

  forget(id: string): void {
    this.#noted.delete(id);
  }

  #hear(id: string, { pid, text }: SdNotifyMessage): void {
    const { processes, runOf, post, note } = this.#options;
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
    post({ type: "fact", id, fact: { type: "notified", run, notice } });
  }
}

const listensTo = ({ type, watchdogMs }: Spec): boolean => type === "notify" || watchdogMs !== null;
