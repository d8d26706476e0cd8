import { dlopen, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { libc } from "../../../../src/linux/ffi/libc.ts";
import { connectAs } from "../../../../src/linux/io/connect-as.ts";
import { tempDir } from "../../../harness/temp.ts";

const { symbols } = dlopen("libc.so.6", { accept: { args: ["i32", "ptr", "ptr"], returns: "i32" } });
const [AF_UNIX, SOCK_STREAM, SOL_SOCKET, SO_PEERCRED] = [1, 1, 1, 17];

/** A listener with room for one connection that nobody has accepted. */
function listenAt(path: string): number {
  const fd = libc.socket(AF_UNIX, SOCK_STREAM, 0);
  const address = Buffer.from(`\x01\0${path}\0`, "latin1");
  expect(libc.bind(fd, ptr(address), address.length)).toBe(0);
  expect(libc.listen(fd, 0)).toBe(0);
  chmodSync(path, 0o666);
  return fd;
}

/** pid, uid and gid of the client (unix(7)). */
function peerOf(listener: number): number[] {
  const fd = symbols.accept(listener, null, null);
  const [credentials, length] = [new Int32Array(3), new Int32Array([12])];
  expect(libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(length))).toBe(0);
  libc.close(fd);
  return [...credentials];
}

const idsOf = (): string[] => readFileSync("/proc/thread-self/status", "utf8").match(/^(?:Uid|Gid|Groups|CapEff):.*$/gm)!;

test.if(process.getuid!() === 0)("the server sees the user, and this thread keeps its ids, groups and capabilities", () => {
  using dir = tempDir();
  chmodSync(dir.path, 0o755);
  const path = join(dir.path, "s");
  const listener = listenAt(path);
  const before = idsOf();
  const connected = connectAs(path, { user: "54321", group: "54322" });
  expect(connected.ok && connected.value !== null).toBe(true);
  expect(peerOf(listener)).toEqual([process.pid, 54321, 54322]);
  expect(idsOf()).toEqual(before);
  if (connected.ok) libc.close(connected.value!);
  expect(connectAs(path, { user: null, group: null })).toEqual({ ok: true, value: null });

  const waiting = [0, 1, 2].map(() => connectAs(path, { user: "54321", group: null }));
  expect(waiting.at(-1)).toEqual({ ok: false, error: "its queue of connections is full" });
  for (const one of waiting) if (one.ok) libc.close(one.value!);
  libc.close(listener);
  expect(connectAs(path, { user: "54321", group: null })).toEqual({ ok: false, error: "ECONNREFUSED" });
  expect(idsOf()).toEqual(before);
});
