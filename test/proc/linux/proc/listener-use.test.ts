/** Which servers use the listening sockets that they inherited. */
import { afterAll, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { listenerUse } from "../../../../src/linux/proc/listener-use.ts";
import { listListeners } from "../../../../src/linux/proc/listeners.ts";
import { freePort } from "../../../harness/ports.ts";
import { until } from "../../../harness/until.ts";

const python = Bun.which("python3");
const withPython = test.if(python !== null);
const started: Array<{ kill(signal: number): void }> = [];
afterAll(() => {
  for (const one of started) one.kill(9);
});

/** Starts a Python program whose descriptor 3 is a listener. Resolves with its pid and the inode number of the listener. */
async function serve(script: string): Promise<{ pid: number; inodes: ReadonlySet<number> }> {
  const inherit = `
import os, socket, select, selectors, sys, threading, time
listener = socket.create_server(("127.0.0.1", 0))
if listener.fileno() != 3: os.dup2(listener.fileno(), 3); listener.detach()
inherited = socket.socket(fileno=3)
def own(): return socket.create_server(("127.0.0.1", 0))
`;
  const child = Bun.spawn([python!, "-u", "-c", `${inherit}${script}`], { stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  const reader = child.stdout.getReader();
  await reader.read(); // the program prints a line when it listens
  const inode = /\d+/.exec(readlinkSync(`/proc/${child.pid}/fd/3`))![0];
  return { pid: child.pid, inodes: new Set([Number(inode)]) };
}

const say = "print('listening')\n";
const epoll = "e = select.epoll(); e.register(OF.fileno(), 1); SAY; e.poll()";
const poll = "p = select.poll(); p.register(OF.fileno(), 1); SAY; p.poll()";
const selected = "SAY; select.select([OF], [], [])";
const accept = "SAY; OF.accept()";
const threaded = "threading.Thread(target=OF.accept).start(); SAY; time.sleep(60)";
const script = (text: string, of: string): string => `other = own(); ${text.replaceAll("OF", of).replace("SAY;", say.trim() + ";")}`;

withPython.each([
  ["epoll", epoll],
  ["poll", poll],
  ["select", selected],
  ["accept", accept],
  ["accept in another thread", threaded],
])("%s on the inherited socket is use; on another one it is not", async (_, text) => {
  const right = await serve(script(text, "inherited"));
  await until(() => listenerUse(right.inodes, [right.pid]).kind === "used", { what: "use" });
  const wrong = await serve(script(text, "other"));
  const use = listenerUse(wrong.inodes, [wrong.pid]);
  expect(use.kind === "unused" && use.instead).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
});

withPython(
  "a process that does not wait for connections, or closed the socket, does not use it; a process that is gone is not judged",
  async () => {
    const closed = await serve(`inode = os.fstat(3).st_ino; ${say}time.sleep(60)`);
    expect(listenerUse(closed.inodes, [closed.pid])).toEqual({ kind: "unused", instead: [] });
    expect(listenerUse(new Set([1]), [closed.pid]).kind).toBe("closed");
    expect(listenerUse(new Set([1]), []).kind).toBe("unknown");
    expect(listenerUse(closed.inodes, [0x7fffffff]).kind).toBe("unknown");
  },
);

test("the addresses of listeners", () => {
  const port = freePort();
  const server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
  const v6 = Bun.listen({ hostname: "::1", port: 0, socket: { data() {} } });
  const addresses = listListeners().map(({ address }) => address);
  expect(addresses).toContain(`127.0.0.1:${port}`);
  expect(addresses).toContain(`[::1]:${v6.port}`);
  server.stop(true);
  v6.stop(true);
});
