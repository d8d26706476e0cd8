import { expect, test } from "bun:test";
import { join } from "node:path";
import { LogKit, logSpec, parseStrictly } from "./kit.ts";

/** Starts what takes in the output, waits until it does, and kills it a moment later. */
async function takeForAMoment(directory: string, format: string, momentMs: number): Promise<void> {
  const taker = Bun.spawn([process.execPath, join(import.meta.dir, "taker.ts"), directory, format], { stdout: "pipe", stderr: "inherit" });
  const reader = taker.stdout.getReader();
  await reader.read();
  await Bun.sleep(momentMs); // the moment is the point: nothing is waited for
  taker.kill("SIGKILL");
  await taker.exited;
}

/** By whole blocks pages of the pipe are full; line by line each has a rest of its own. */
const MANNERS = [
  { format: "cri", manner: "by blocks", lines: 2_000_000, command: ["seq"] },
  { format: "raw", manner: "by blocks", lines: 2_000_000, command: ["seq"] },
  { format: "cri", manner: "line by line", lines: 500_000, command: ["stdbuf", "-oL", "seq"] },
] as const;

test.each(MANNERS)("killed at any moment while a service writes $manner, $format: every line once", async ({ format, lines, command }) => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ format }));
  const writers = kit.logs.writers("web");
  const child = Bun.spawn([...command, "1", String(lines)], { stdin: "ignore", stdout: writers.stdout, stderr: writers.stderr });
  kit.logs.shutdown();
  for (let kill = 0; kill < 8 && child.exitCode === null; kill++) await takeForAMoment(kit.dir, format, Math.random() * 12);
  kit.restart();
  kit.logs.open("web", logSpec({ format, maxSizeBytes: 5_000_000, keep: 1000 }));
  await child.exited;
  writers.close();
  kit.logs.endRun("web");
  const bytes = kit.bytes("web");
  const text = (format === "cri" ? parseStrictly(bytes).stdout : bytes).toString("latin1");
  let expected = 1;
  for (let at = 0; at < text.length; expected++) {
    const end = text.indexOf("\n", at);
    if (text.slice(at, end) !== String(expected)) throw new Error(`after ${expected - 1} comes ${text.slice(at, Math.min(end, at + 40))}`);
    at = end + 1;
  }
  expect(expected - 1).toBe(lines);
}, 30_000); // prettier-ignore
