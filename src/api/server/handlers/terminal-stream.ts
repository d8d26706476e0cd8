import type { Attaching } from "../../contract/shapes.ts";
import type { Outlet } from "../streams.ts";
import type { TerminalClient } from "../supervisor.ts";

export const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** The empty line is sent at once, because Bun sends the headers only together with the first bytes. */
export const TERMINAL_STREAM = {
  type: "application/x-ndjson",
  first: "\n",
  ping: "\n",
  gap: (lost: number) => json({ gap: lost }),
} as const;

/** Turns what happens at a terminal into lines of the stream. `onEnd` is called after the line that says that the run has ended. */
export function terminalClient({ name, watch, take, columns, rows }: Attaching, outlet: Outlet, onEnd: () => void): TerminalClient {
  return {
    name,
    watches: watch,
    takes: take,
    size: columns === undefined || rows === undefined ? null : { columns, rows },
    output: (bytes) => outlet.send(json({ output: Buffer.from(bytes).toString("base64") }), bytes.length),
    typing: (state) => outlet.send(json(state), 0),
    ended() {
      outlet.send(json({ ended: true }), 0);
      onEnd();
    },
  };
}
