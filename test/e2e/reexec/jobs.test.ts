/** A command that waits ends with the true outcome, whatever happens to the daemon meanwhile. */
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";

/** Ready when the file `go` exists, and never when it says `fail`. */
const gated = (directory: string) => ({
  command: "/bin/sh",
  args: [
    "-c",
    `touch '${directory}/begun'; until [ -e '${directory}/go' ]; do sleep 0.05; done; read -r word <'${directory}/go'; [ "$word" = ok ]`,
  ],
  type: "oneshot",
  auto_restart: false,
  start_timeout: 60,
});

const interrupts: ReadonlyArray<[string, (daemon: Daemon) => Promise<void>]> = [
  ["SIGKILL and the next daemon", async (daemon) => (await daemon.crash(), daemon.start())],
  ["a re-exec", async (daemon) => void (await daemon.sup("daemon", "reexec"))],
];

for (const [what, interrupt] of interrupts)
  for (const [word, code] of [
    ["ok", 0],
    ["fail", 1],
  ] as const) {
    test(`${what} in the middle of sup start: the command ends with ${code} for a unit that says ${word}`, async () => {
      await using daemon = await startDaemon();
      daemon.writeUnit("slow", gated(daemon.home));
      await daemon.reaches("slow", "stopped");
      const waiting = daemon.sup("start", "slow");
      await until(() => existsSync(join(daemon.home, "begun")), { what: "the start of the unit" });
      await daemon.api("/api/supervisor/status"); // the daemon has answered with the job's id before it answers this
      await interrupt(daemon);
      writeFileSync(join(daemon.home, "go"), `${word}\n`);
      const { code: exit, stdout, stderr } = await waiting;
      expect({ exit, text: (stdout + stderr).split("\n")[0] }).toEqual({
        exit: code,
        text: expect.stringMatching(code === 0 ? /^slow: .*in / : /^slow: .*exit code 1/),
      });
      expect((await daemon.service("slow")).restart_count).toBe(0);
    });
  }
