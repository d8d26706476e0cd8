import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SUP } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import type { UnitFile } from "../../harness/services.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

/** Says `NAME up`, and `NAME bye` at SIGTERM. */
export const says = (name: string, more: UnitFile = {}): UnitFile => ({
  command: "/bin/sh",
  args: ["-c", `trap 'echo ${name} bye; exit 0' TERM; echo ${name} up; while :; do sleep 0.02; done`],
  ...more,
});

export interface Up extends AsyncDisposable {
  readonly pid: number;
  readonly home: string;
  readonly env: Record<string, string>;
  text(): string;
  /** Closes the pipes from its standard output and standard error. */
  closeReaders(): Promise<void>;
  readonly exited: Promise<number>;
}

/** `sup up dir` in a home of its own; at the end of the scope nothing of it is left. */
export function up(units: Readonly<Record<string, UnitFile | string>>, port = 0, args: readonly string[] = []): Up {
  const temp = tempDir();
  const home = temp.path;
  mkdirSync(join(home, "dir"));
  writeFileSync(join(home, "sup.json"), JSON.stringify({ api: { port } }));
  for (const [name, unit] of Object.entries(units))
    writeFileSync(join(home, "dir", `${name}.unit.json`), typeof unit === "string" ? unit : JSON.stringify(unit));
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: home, SUP_HOME: home, NO_COLOR: "1" };
  const child = Bun.spawn([SUP, "up", "dir", ...args], { env, cwd: home, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let text = "";
  const readers = [child.stdout.getReader(), child.stderr.getReader()];
  const collect = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  };
  const collected = Promise.all(readers.map(collect));
  return {
    pid: child.pid,
    home,
    env,
    text: () => text,
    closeReaders: async () => void (await Promise.all(readers.map((reader) => reader.cancel()))),
    exited: child.exited.then(async (code) => (await collected, code)),
    async [Symbol.asyncDispose]() {
      for (const { pid } of processesOf(home)) process.kill(pid, "SIGKILL");
      await child.exited;
      temp[Symbol.dispose]();
    },
  };
}

export const printed = (one: Up, ...texts: string[]): Promise<unknown> =>
  until(() => texts.every((text) => one.text().includes(text)), { what: texts.join(" and "), explain: () => one.text() });
