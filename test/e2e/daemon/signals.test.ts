/** Signals that mean nothing to the daemon. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

/** SIGQUIT, SIGUSR1, SIGPIPE, SIGALRM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR and the real-time signals. */
const STRAY = [3, 10, 13, 14, 16, 24, 25, 26, 27, 29, 30, ...Array.from({ length: 31 }, (_, index) => 34 + index)];

test("stray signals neither end the daemon nor the services, also after a re-exec, and are logged", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  for (const round of ["first image", "second image"]) {
    for (const signal of STRAY) process.kill(daemon.pid, signal);
    const log = (): string => readFileSync(join(daemon.home, "logs/sup.log"), "utf8");
    const times = round === "first image" ? 1 : 2;
    for (const name of ["SIGQUIT", "SIGUSR1", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO"])
      await until(() => log().split(`${name} received and ignored`).length === times + 1, { what: `${name} in the log`, explain: log });
    expect(await daemon.service("web")).toMatchObject({ state: "running", pid });
    if (times === 1) expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  }
});
