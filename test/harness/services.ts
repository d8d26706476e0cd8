/**
 * Unit files of small services that run /bin/sh. Each function returns an object that can be extended:
 * `{ ...worker(), enabled: true }`.
 */
export interface UnitFile {
  readonly [key: string]: unknown;
}

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], ...more });

/** Prints `up` and waits. On SIGTERM it prints `bye` and exits with 0. Its child `sleep` must be stopped too. */
export const worker = (more: UnitFile = {}): UnitFile => sh("trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait", more);

/** Runs `sleep` as its only process, without a shell. SIGTERM ends it. */
export const sleeper = (more: UnitFile = {}): UnitFile => ({ command: "sleep", args: ["1000"], ...more });

/** Ignores SIGTERM, and so do its children. Only SIGKILL ends it. */
export const stubborn = (more: UnitFile = {}): UnitFile => sh("trap '' TERM; echo up; while :; do sleep 1000; done", more);

/** Prints `crashing` and exits immediately with the code. */
export const crasher = (code = 1, more: UnitFile = {}): UnitFile => sh(`echo crashing >&2; exit ${code}`, more);

/** Runs until the file exists, and then exits with the code. A test can thus choose the moment of the crash. */
export const crashesWhen = (file: string, code = 1, more: UnitFile = {}): UnitFile =>
  sh(`echo up; while [ ! -e '${file}' ]; do sleep 0.01; done; exit ${code}`, more);

/** Starts a background process in its own session, and writes the pid of that process to the file. */
export const forker = (pidFile: string, more: UnitFile = {}): UnitFile =>
  sh(`setsid sleep 1000 & echo $! >'${pidFile}'; echo up; wait`, more);

/** A oneshot that appends its name to a file, so that a test can check in which order units start. */
export const marker = (file: string, more: UnitFile = {}): UnitFile =>
  sh(`echo "$SUP_UNIT" >>'${file}'`, { type: "oneshot", auto_restart: false, ...more });

/** Prints `count` numbered lines as fast as possible, and then waits. */
export const flood = (count: number, more: UnitFile = {}): UnitFile => sh(`seq 1 ${count}; exec sleep 1000`, more);

/** Prints its environment, one variable per line, and exits. */
export const printsEnvironment = (more: UnitFile = {}): UnitFile => sh("env", { type: "oneshot", auto_restart: false, ...more });
