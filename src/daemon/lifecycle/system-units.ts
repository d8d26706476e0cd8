import { SYSTEM_UNITS, type Places } from "../../spec/places.ts";

/**
 * Decides whether this user's daemon may run units from /etc/sup/units. They are in its unit path for machines without a
 * system daemon; while the system daemon responds, the user's daemon leaves them alone.
 *
 * When the system daemon appears, that takes effect immediately. When it disappears, that takes effect only at the next start
 * or reload of the user's daemon: it may be restarting, and two daemons must not run the same service.
 */
export class SystemUnits {
  readonly #applies: boolean;
  readonly #responds: () => boolean;
  #leaves = false;

  constructor({ mode, unitPath }: Pick<Places, "mode" | "unitPath">, responds: () => boolean) {
    this.#applies = mode === "user" && unitPath.includes(SYSTEM_UNITS);
    this.#responds = responds;
  }

  leavesAlone(directory: string): boolean {
    return this.#leaves && directory === SYSTEM_UNITS;
  }

  /** Checks whether the system daemon responds; called at the start and at a reload. */
  check(): void {
    this.#leaves = this.#applies && this.#responds();
  }

  /** True if the system daemon has appeared since the last check. */
  hasAppeared(): boolean {
    if (this.#leaves || !this.#applies || !this.#responds()) return false;
    this.#leaves = true;
    return true;
  }
}
