import { SYSTEM_UNITS, type Places } from "../../spec/places.ts";

/**
 * Decides whether this user's daemon may run units from /etc/sup/units. On machines without a system daemon, users' daemons
 * run these units, so the directory is in their unit path. While the system daemon responds, the user's daemon does not run
 * these units.
 *
 * When the system daemon appears, the user's daemon gives up the units immediately. When the system daemon disappears, the
 * user's daemon takes over the units only at its next start or reload. The system daemon may just be restarting, and two
 * daemons must not run the same service.
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

  /** Checks whether the system daemon responds. Must be called at the start and at each reload. */
  check(): void {
    this.#leaves = this.#applies && this.#responds();
  }

  /** Returns true if the system daemon has appeared since the last check. */
  hasAppeared(): boolean {
    if (this.#leaves || !this.#applies || !this.#responds()) return false;
    this.#leaves = true;
    return true;
  }
}
