/** The kernel kills a service because memory ran out: told as that, and otherwise a failure like any other. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";

/** A group of the first version of cgroups, which sup does not use: a limit from elsewhere. */
const MEMORY = "/sys/fs/cgroup/memory";
const possible = process.getuid?.() === 0 && existsSync(join(MEMORY, "memory.limit_in_bytes"));

test.if(possible)("a real out-of-memory kill has the reason oom-kill, and the service comes back", async () => {
  const group = join(MEMORY, `sup-test-${process.pid}`);
  mkdirSync(group);
  try {
    writeFileSync(join(group, "memory.limit_in_bytes"), String(24 << 20));
    await using daemon = await startDaemon();
    const once = join(daemon.home, "once");
    const script = `[ -e '${once}' ] && exec sleep 1000; touch '${once}'; echo $$ >'${group}/cgroup.procs'; exec tail /dev/zero`;
    daemon.writeUnit("greedy", { command: "/bin/sh", args: ["-c", script], restart_policy: { retry_delay: 0.05 } });
    daemon.writeUnit("killed", { command: "sleep", args: ["1000"], auto_restart: false });
    await daemon.reaches("killed", () => true);
    await daemon.sup("start", "greedy", "killed");
    const { pid } = await daemon.service("killed");
    const back = await daemon.reaches("greedy", (row) => row.restart_count === 1 && row.state === "running");
    expect(back.last_exit).toContain("SIGKILL (out of memory)");
    const exited = (await eventsOf(daemon, "greedy", "exited"))[0]!;
    expect(exited.message).toContain("out of memory");
    expect((await daemon.sup("why", "greedy")).stdout).toContain("out of memory");

    process.kill(pid!, "SIGKILL");
    expect(await daemon.reaches("killed", "failed")).toMatchObject({ reason: "signal" });
  } finally {
    rmdirSync(group);
  }
});
