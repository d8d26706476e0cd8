/**
 * Small services made of /bin/sh, as unit files in the shape of the specification. Each gives an object to spread:
 * `{ ...worker(), enabled: true }`.
 */
export interface UnitFile {
  readonly [key: string]: unknown;
}

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], ...more });

/** Prints `up`, waits, prints `bye` at SIGTERM and ends with 0. Its `sleep` is part of the tree to stop. */
export const worker = (more: UnitFile = {}): UnitFile => sh("trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait", more);

/** One process, no shell left: ends by the signal. */
export const sleeper = (more: UnitFile = {}): UnitFile => ({ command: "sleep", args: ["1000"], ...more });

/** Ignores SIGTERM, and so do its children: only SIGKILL ends it. */
export const stubborn = (more: UnitFile = {}): UnitFile => sh("trap '' TERM; echo up; while :; do sleep 1000; done", more);

/** Says so and ends with the code at once. */
export const crasher = (code = 1, more: UnitFile = {}): UnitFile => sh(`echo crashing >&2; exit ${code}`, more);

/** Runs until the file exists, then ends with the code: a crash at a moment that the test chooses. */
export const crashesWhen = (file: string, code = 1, more: UnitFile = {}): UnitFile =>
  sh(`echo up; while [ ! -e '${file}' ]; do sleep 0.01; done; exit ${code}`, more);

/** Leaves a daemon behind that made its own session and wrote its pid to the file. */
export const forker = (pidFile: string, more: UnitFile = {}): UnitFile =>
  sh(`setsid sleep 1000 & echo $! >'${pidFile}'; echo up; wait`, more);

/** A oneshot that adds a line with its name to a file, so that a test sees the order of things. */
export const marker = (file: string, more: UnitFile = {}): UnitFile =>
  sh(`echo "$SUP_UNIT" >>'${file}'`, { type: "oneshot", auto_restart: false, ...more });

/** Prints `count` numbered lines as fast as it can, then waits. */
export const flood = (count: number, more: UnitFile = {}): UnitFile => sh(`seq 1 ${count}; exec sleep 1000`, more);

/** Prints its environment, a variable a line, and ends. */
export const printsEnvironment = (more: UnitFile = {}): UnitFile => sh("env", { type: "oneshot", auto_restart: false, ...more });
