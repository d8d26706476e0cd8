import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { noSandbox, Sandbox } from "../../test/harness/sandbox.ts";
import { nowNs } from "../native.ts";
import { childrenOf, nameOf, pidInNamespace, run } from "../process.ts";
import { missing, type Peer, type Running, type Session } from "./peer.ts";

const SERVICE = "/usr/local/bin/bench-service";
const UNITS = "etc/systemd/system";

/** A real systemd in a sandbox (test/systemd/sandbox.sh). Its manager has booted before the time of a launch begins. */
export async function systemdPeer(): Promise<Peer> {
  if (noSandbox !== null) return missing("systemd", noSandbox);
  const version = /^systemd (\d+)/.exec((await run(["systemctl", "--version"])).stdout)?.[1];
  if (version === undefined) return missing("systemd", "systemctl --version printed no version");
  return { name: "systemd", version: `${version}, in a sandbox`, restartPaceMs: 150, start };
}

async function start(session: Session): Promise<Running> {
  const sandbox = new Sandbox();
  try {
    await sandbox.boot();
    await writeUnits(session, sandbox);
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
  const systemctl = (...words: readonly string[]): string[] => ["nsenter", "-a", "-t", String(sandbox.pid), "--", "systemctl", ...words];
  const beganNs = nowNs();
  await run(systemctl("start", "--no-block", "bench.target"), { mustSucceed: true });
  const manager = sandbox.pid;
  // The journal belongs to the supervisor, because it receives the services' output.
  const journals = childrenOf(manager).filter((pid) => nameOf(pid) === "systemd-journal");
  return {
    beganNs,
    supervisors: () => [manager, ...journals],
    stopAll: async () => void (await run(systemctl("stop", "u*.service"), { mustSucceed: true })),
    commands: {
      isActive: systemctl("is-active", "u0.service"),
      status: systemctl("list-units", "--no-pager", "u*.service"),
      env: {},
    },
    end: () => sandbox[Symbol.asyncDispose](),
  };
}

/** Writes the unit files into the sandbox, where the services also record their starts. */
async function writeUnits({ count, service, starts }: Session, sandbox: Sandbox): Promise<void> {
  const root = sandbox.rootPath;
  const file = starts.file;
  mkdirSync(join(root, dirname(file)), { recursive: true });
  starts.readFrom(join(root, file), (pid) => pidInNamespace(sandbox.pid, pid));
  copyFileSync(service, join(root, SERVICE));
  chmodSync(join(root, SERVICE), 0o755);
  const names = Array.from({ length: count }, (_, i) => `u${i}`);
  for (const name of names)
    writeFileSync(
      join(root, UNITS, `${name}.service`),
      `[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=${SERVICE} ${file} ${name}\nRestart=always\nRestartSec=0\n`,
    );
  const wants = names.map((name) => `${name}.service`).join(" ");
  writeFileSync(join(root, UNITS, "bench.target"), `[Unit]\nWants=${wants}\n`);
  await sandbox.must(["systemctl", "daemon-reload"]);
}
