/** The servers of docs/zero-downtime.md, with the programs and the unit files that the page shows. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import type { UnitFile } from "../../harness/services.ts";
import { blocksOf } from "../documents/typed.ts";

export interface Server {
  readonly heading: string;
  /** The program without which the server cannot run, or null if it is installed. */
  readonly missing: string | null;
  /** Maps a command of the page to the path of the program. */
  readonly command: string;
}

const PROGRAMS: Readonly<Record<string, string>> = {
  "Node.js": "node",
  Bun: process.execPath,
  "Python: http.server": "python3",
  nginx: "/usr/sbin/nginx",
};

export const SERVERS: readonly Server[] = Object.entries(PROGRAMS).map(([heading, program]) => {
  const command = Bun.which(program);
  return { heading, command: command ?? program, missing: command === null ? program : null };
});

export interface Placed {
  readonly name: string;
  readonly title: string;
  readonly port: number;
  readonly unit: UnitFile;
  /** The path of the server's program or configuration. */
  readonly file: string;
}

/** Writes the files of a server below the daemon's home directory, and its unit file with `more` and a port of its own. */
export function place({ heading, command }: Server, daemon: Daemon, name: string, more: Readonly<Record<string, unknown>> = {}): Placed {
  const port = freePort();
  const blocks = blocksOf("docs/zero-downtime.md").filter((block) => block.heading === heading);
  const shown = JSON.parse(blocks.find(({ language }) => language === "json")!.text) as Record<string, unknown>;
  const [{ listen }] = shown.sockets as [{ listen: string }];
  const [from, to] = [String(shown.working_directory), join(daemon.home, name)];
  const moved = (text: string): string =>
    text
      .replaceAll(listen, `127.0.0.1:${port}`)
      .replaceAll(from, to)
      .replaceAll(from.replace("~", "%h"), to);
  mkdirSync(to);
  const program = blocks.find(({ file }) => file !== null)!;
  const file = moved(program.file!);
  writeFileSync(file, moved(program.text));
  const unit = { ...(JSON.parse(moved(JSON.stringify(shown))) as UnitFile), command, ...more };
  daemon.writeUnit(name, unit);
  return { name, title: heading, port, unit, file };
}
