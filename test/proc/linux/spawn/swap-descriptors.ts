/** Starts a process in which two descriptors of this one are swapped. The process writes what they refer to into FILE. */
import { openSync } from "node:fs";
import { waitForChild } from "../../../../src/linux/processes/exit-watcher.ts";
import { prepareSpawn } from "../../../../src/linux/spawn/spawn.ts";

const [a, b, out] = [openSync("/etc/passwd", "r"), openSync("/etc/group", "r"), openSync(process.argv[2]!, "w")];
const fds = Array.from({ length: Math.max(a, b) + 1 }, (_, i) => (i === a ? b : i === b ? a : i === 1 ? out : null));
const argv = ["/bin/readlink", ...[a, b, 0].map((fd) => `/proc/self/fd/${fd}`)];
const identity = { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} };
const spawned = prepareSpawn().spawn({ argv, env: {}, cwd: null, identity, fds }, null);
console.log(JSON.stringify(spawned.ok ? waitForChild(spawned.pid, 0) : spawned));
