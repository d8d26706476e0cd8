import { closeSync, openSync, readSync, writeFileSync } from "node:fs";

export interface Start {
  readonly name: string;
  readonly pid: number;
  /** The time (CLOCK_MONOTONIC) of the service's first instruction. */
  readonly ns: number;
}

/** Reads the file to which every service appends a line when it starts. */
export class Starts {
  readonly file: string;
  readonly all: Start[] = [];
  #offset = 0;
  #rest = "";
  readonly #buffer = Buffer.alloc(1 << 20);

  constructor(file: string) {
    this.file = file;
    writeFileSync(file, "");
  }

  /** Reads new lines. Returns the number of starts so far. */
  refresh(): number {
    const fd = openSync(this.file, "r");
    const length = readSync(fd, this.#buffer, 0, this.#buffer.length, this.#offset);
    closeSync(fd);
    this.#offset += length;
    const lines = (this.#rest + this.#buffer.toString("latin1", 0, length)).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [name = "", pid, ns] = line.split(" ");
      this.all.push({ name, pid: Number(pid), ns: Number(ns) });
    }
    return this.all.length;
  }

  /** Returns the latest start of each service. */
  current(): Map<string, Start> {
    return new Map(this.all.map((start) => [start.name, start]));
  }
}
