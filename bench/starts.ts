import { closeSync, openSync, readSync, writeFileSync } from "node:fs";

export interface Start {
  readonly name: string;
  /** Throws if the service ran in a sandbox and has ended. */
  readonly pid: number;
  /** The time (CLOCK_MONOTONIC) of the service's first instruction. */
  readonly ns: number;
}

/** Reads the file to which every service appends a line when it starts. */
export class Starts {
  /** The path of the file, as the services see it. */
  readonly file: string;
  readonly all: Start[] = [];
  #path: string;
  #hostPid: ((pid: number) => number) | null = null;
  #offset = 0;
  #rest = "";
  readonly #buffer = Buffer.alloc(1 << 20);

  constructor(file: string) {
    this.file = file;
    this.#path = file;
    writeFileSync(file, "");
  }

  /** Reads the file at `path` from now on, because the services run in a sandbox. `hostPid` translates the pids that they write. */
  readFrom(path: string, hostPid: (pid: number) => number): void {
    this.#path = path;
    this.#hostPid = hostPid;
    writeFileSync(path, "");
  }

  /** Returns the pids of all services. The list is empty if the services ran in a sandbox, which ends them itself. */
  pidsToEnd(): number[] {
    if (this.#hostPid !== null) return [];
    this.refresh();
    return this.all.map(({ pid }) => pid);
  }

  /** Reads new lines. Returns the number of starts so far. */
  refresh(): number {
    const fd = openSync(this.#path, "r");
    const length = readSync(fd, this.#buffer, 0, this.#buffer.length, this.#offset);
    closeSync(fd);
    this.#offset += length;
    const lines = (this.#rest + this.#buffer.toString("latin1", 0, length)).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [name = "", pid, ns] = line.split(" ");
      this.all.push(this.#start(name, Number(pid), Number(ns)));
    }
    return this.all.length;
  }

  /** Returns the latest start of each service. */
  current(): Map<string, Start> {
    return new Map(this.all.map((start) => [start.name, start]));
  }

  /** A pid in a sandbox is translated only when it is needed, because the search takes too long for hundreds of services. */
  #start(name: string, pid: number, ns: number): Start {
    const hostPid = this.#hostPid;
    if (hostPid === null) return { name, pid, ns };
    return {
      name,
      ns,
      get pid() {
        return hostPid(pid);
      },
    };
  }
}
