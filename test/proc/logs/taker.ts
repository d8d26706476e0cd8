/** Captures what arrives in the FIFO of unit `web` in DIRECTORY until it is killed: a daemon reduced to its logs. */
import { join } from "node:path";
import { openLogs } from "../../../src/adapters/logs/store.ts";
import { openEpoll } from "../../../src/linux/io/epoll.ts";
import type { Compression } from "../../../src/spec/spec.ts";
import { logSpec } from "./kit.ts";

const [directory, format, rate, logDir, compress] = process.argv.slice(2) as [string, "cri" | "raw", string?, string?, Compression?];
const rateLimit = rate ? { bytesPerSecond: Number(rate) } : null;
const logs = openLogs({
  runtimeDir: join(directory, "run"),
  logDir: logDir || join(directory, "logs"),
  epoll: openEpoll({ onError: (error) => console.error(error) }),
  clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
  onProblem: (message) => console.error(message),
});
logs.open("web", logSpec({ format, maxSizeBytes: 5_000_000, keep: 1000, rateLimit, compress: compress ?? false }));
if (compress) logs.note("web", "the first line starts the compression of rotated files");
setInterval(() => logs.restoreJournal(), 1);
console.log("takes");
