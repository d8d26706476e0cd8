/** A flood from one unit neither slows the others nor grows the daemon's memory. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";

const MOST_MB = 60;
const MOST_MS = 500;
const ECHOES = 40;

const rssMb = ({ pid }: Daemon): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) / 1024;

test.each([
  ["lines", "seq 1 inf", {}],
  ["no newline at all", "cat /dev/zero", {}],
  ["lines, most of them dropped by a rate limit", "seq 1 inf", { rate_limit: 100_000 }],
])("a flood of %s", async (_, script, more) => {
  const fifo = "%S/fifo";
  const echo = `mkfifo '${fifo}'; exec 3<>'${fifo}'; echo listens; while read n <&3; do echo "$n"; done`;
  const log = { max_size_mb: 5, keep: 1, compress: false, ...more };
  await using daemon = await startDaemon({
    units: {
      quiet: { enabled: true, command: "/bin/sh", args: ["-c", echo] },
      flood: { command: "/bin/sh", args: ["-c", script], log },
    },
  });
  await daemon.reaches("quiet", "running");
  const waits: number[] = [];
  /** From the request to the service until the answer is in its log. */
  const say = async (word: string): Promise<void> => {
    const began = performance.now();
    await Bun.write(join(daemon.home, "state/fifo"), `${word}\n`);
    await until(() => daemon.log("quiet").includes(` F ${word}\n`), { what: `${word} in the log` });
    waits.push(performance.now() - began);
  };
  await until(() => daemon.log("quiet").includes(" F listens\n"), { what: "the service to listen" });
  await daemon.sup("start", "flood");
  await until(() => daemon.log("flood").length > 100_000, { what: "the flood" });
  const before = rssMb(daemon);
  for (let i = 0; i < ECHOES; i++) await say(`word ${i}`);
  const sorted = waits.toSorted((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length * 0.9)]!).toBeLessThan(MOST_MS);
  expect(rssMb(daemon) - before).toBeLessThan(MOST_MB);
  expect((await daemon.service("flood")).state).toBe("running");
});
