/** Starts a process in which two descriptors of this one are swapped. The process writes what they refer to into FILE. */
import { openSync } from "node:fs";
import { identity, machine, startProcess } from "../support.ts";

const [a, b, out] = [openSync("/etc/passwd", "r"), openSync("/etc/group", "r"), openSync(process.argv[2]!, "w")];
const fds = Array.from({ length: Math.max(a, b) + 1 }, (_, i) => (i === a ? b : i === b ? a : i === 1 ? out : null));
const argv = ["/bin/readlink", ...[a, b, 0].map((fd) => `/proc/self/fd/${fd}`)];
using m = machine();
const { result, exited } = await startProcess(m.processes, { argv, env: {}, cwd: null, identity, fds });
console.log(JSON.stringify(result.ok ? await exited : result));
