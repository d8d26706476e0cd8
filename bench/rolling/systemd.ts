import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noSandbox, Sandbox } from "../../test/harness/sandbox.ts";
import { run } from "../process.ts";
import { type Contender, DRAIN_SECONDS, type Restartable, type ServerFiles } from "./contender.ts";

/** A real systemd in a sandbox. The server opens the port itself, or gets it from a socket unit. */
export async function systemdContenders(): Promise<Contender[]> {
  const version = /^systemd (\d+)/.exec((await run(["systemctl", "--version"])).stdout)?.[1] ?? "of this system";
  const made = noSandbox === null ? { version } : { version: null, missing: noSandbox };
  return [
    { name: "systemctl restart", ...made, start: (files) => start(files, false) },
    { name: "systemctl restart, socket unit", ...made, start: (files) => start(files, true) },
  ];
}

const PROGRAM = "/usr/local/lib/bench-server.mjs";

async function start({ node, program, port }: ServerFiles, hasSocket: boolean): Promise<Restartable> {
  const sandbox = new Sandbox();
  try {
    await sandbox.boot();
    const units = join(sandbox.rootPath, "etc/systemd/system");
    copyFileSync(program, join(sandbox.rootPath, PROGRAM));
    const variable = hasSocket ? "LISTENER=3" : `PORT=${port}`;
    const service = `[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=${node} ${PROGRAM}\nEnvironment=${variable}\nTimeoutStopSec=${DRAIN_SECONDS}\n`;
    writeFileSync(join(units, "web.service"), service);
    if (hasSocket) writeFileSync(join(units, "web.socket"), `[Socket]\nListenStream=127.0.0.1:${port}\n`);
    await sandbox.must(["systemctl", "daemon-reload"]);
    await sandbox.must(["systemctl", "start", ...(hasSocket ? ["web.socket"] : []), "web.service"]);
    return {
      restart: async () => void (await sandbox.must(["systemctl", "restart", "web.service"])),
      network: ["nsenter", "-n", "-t", String(sandbox.pid), "--"],
      end: () => sandbox[Symbol.asyncDispose](),
    };
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}
