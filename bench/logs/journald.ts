import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { noSandbox, Sandbox } from "../../test/harness/sandbox.ts";
import { childrenOf, nameOf, run } from "../process.ts";
import { type Logger, type Logging, missingLogger } from "./logger.ts";

/** By default, journald drops nearly all lines of a flood. */
const NO_RATE_LIMIT = "[Journal]\nRateLimitIntervalSec=1\nRateLimitBurst=100000000\n";

/** The journal of a real systemd in a sandbox. It has no log files of plain lines, so the lines are read with journalctl. */
export async function journaldLogger(): Promise<Logger> {
  if (noSandbox !== null) return missingLogger("journald", noSandbox);
  const version = /^systemd (\d+)/.exec((await run(["systemctl", "--version"])).stdout)?.[1] ?? "of this system";
  return { name: "journald", version: `${version}, without rate limit`, prefixBytes: 0, mostMegabytes: 16, start };
}

async function start(_directory: string, argv: readonly string[]): Promise<Logging> {
  const sandbox = new Sandbox();
  try {
    await sandbox.boot();
    const root = sandbox.rootPath;
    await prepare(sandbox, root, argv);
    const command = (...words: readonly string[]): string[] => ["nsenter", "-a", "-t", String(sandbox.pid), "--", ...words];
    return {
      pids: () => childrenOf(sandbox.pid).filter((pid) => nameOf(pid) === "systemd-journal"),
      files: () => [],
      sandbox: {
        root,
        sync: () => sandbox.must(["journalctl", "--sync"]),
        print: command("journalctl", "-q", "-u", "u.service", "-o", "cat", "_TRANSPORT=stdout"),
      },
      request: null,
      end: () => sandbox[Symbol.asyncDispose](),
    };
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

/** Copies the service into the sandbox and starts it. It reads and writes the same paths as outside, but they are the sandbox's. */
async function prepare(sandbox: Sandbox, root: string, argv: readonly string[]): Promise<void> {
  const [program, , times, go] = argv;
  for (const path of [program!, times!, go!]) mkdirSync(join(root, dirname(path)), { recursive: true });
  copyFileSync(program!, join(root, program!));
  await sandbox.must(["mkfifo", go!]);
  writeFileSync(join(root, "etc/systemd/journald.conf.d/60-bench.conf"), NO_RATE_LIMIT);
  writeFileSync(join(root, "etc/systemd/system/u.service"), `[Service]\nExecStart=${argv.join(" ")}\n`);
  await sandbox.must(["systemctl", "daemon-reload"]);
  await sandbox.must(["systemctl", "restart", "systemd-journald"]);
  await sandbox.must(["systemctl", "start", "u.service"]);
}
