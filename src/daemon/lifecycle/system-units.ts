import { SYSTEM_UNITS, type Places } from "../../spec/places.ts";

/**
 * Whose the units of the system are. A user's daemon has them in its unit path, for machines where no other runs; while the
 * system's daemon answers, they are left alone.
 *
 * That it begins to answer counts at once, that it ends only when the user's daemon starts or is told to reload: it may be on
 * its way back, and two daemons must not run the same service.
 */
export class SystemUnits {
  readonly #applies: boolean;
  readonly #answers: () => boolean;
  #left = false;

  constructor({ mode, unitPath }: Pick<Places, "mode" | "unitPath">, answers: () => boolean) {
    this.#applies = mode === "user" && unitPath.includes(SYSTEM_UNITS);
    this.#answers = answers;
  }

  leavesAlone(directory: string): boolean {
    return this.#left && directory === SYSTEM_UNITS;
  }

  /** At the start, and at a reload. */
  look(): void {
    this.#left = this.#applies && this.#answers();
  }

  /** True when the system's daemon has come since the last look. */
  hasCome(): boolean {
    if (this.#left || !this.#applies || !this.#answers()) return false;
    this.#left = true;
    return true;
  }
}
