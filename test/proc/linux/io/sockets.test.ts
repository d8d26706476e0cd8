/** Listening sockets that services inherit, with real files and real clients. */
import { afterAll, expect, test } from "bun:test";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openEpoll } from "../../../../src/linux/io/epoll.ts";
import { openInotify } from "../../../../src/linux/io/inotify.ts";
import { openSockets } from "../../../../src/linux/io/sockets.ts";
import { countUnixConnections } from "../../../../src/linux/io/unix-listeners.ts";
import type { ListenAddress } from "../../../../src/spec/schema/listen.ts";
import { tempDir } from "../../../harness/temp.ts";

const epoll = openEpoll({
  onError: (error) => {
    throw error;
  },
});
const inotify = openInotify(epoll);
const sockets = openSockets({ epoll, inotify });
afterAll(() => {
  inotify.close();
  epoll.close();
});

function listening(): Disposable & { directory: string; path: string; address: ListenAddress; fd: number } {
  const dir = tempDir();
  const path = join(dir.path, "web.sock");
  const address: ListenAddress = { family: "unix", path };
  const fd = sockets.listen(address, false);
  if (!fd.ok) throw new Error(fd.error);
  return { directory: dir.path, path, address, fd: fd.value, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

/** Connects, which succeeds as soon as the connection waits to be accepted. */
const connect = (unix: string) => Bun.connect({ unix, socket: { data() {}, error() {} } });

test("a watch reports the first connection once, and not again while it waits to be accepted", async () => {
  using scene = listening();
  let calls = 0;
  const connected = Promise.withResolvers<void>();
  const stop = sockets.watch(scene.fd, () => {
    calls++;
    stop();
    connected.resolve();
  });
  expect(countUnixConnections().get(scene.path)).toBeUndefined();
  const client = await connect(scene.path);
  await connected.promise;
  expect(countUnixConnections().get(scene.path)).toBe(1);
  const second = Promise.withResolvers<void>();
  sockets.watch(scene.fd, second.resolve); // the connection still waits
  await second.promise;
  expect(calls).toBe(1);
  client.terminate();
  sockets.close(scene.fd, scene.address);
});

test("the name of a socket is restored with the same listener, whether it was deleted or replaced", async () => {
  using scene = listening();
  expect(sockets.restoreFile(scene.address)).toBe(false); // there is no second link yet
  expect(sockets.linkAgain(scene.address)).toBe(true);
  const before = sockets.fileOf(scene.address);
  let reports = 0;
  const changed = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stop = sockets.watchFile(scene.address, () => changed[reports++]?.resolve());

  rmSync(scene.path);
  await changed[0]!.promise;
  expect(sockets.fileOf(scene.address)).toBeNull();
  expect(sockets.restoreFile(scene.address)).toBe(true);
  expect(sockets.fileOf(scene.address)).toBe(before);
  (await connect(scene.path)).terminate();

  const other = Bun.listen({ unix: join(scene.directory, "other"), socket: { data() {} } });
  renameSync(join(scene.directory, "other"), scene.path);
  await changed[1]!.promise;
  expect(sockets.restoreFile(scene.address)).toBe(true);
  expect(sockets.fileOf(scene.address)).toBe(before);
  other.stop(true);
  stop();

  // The next daemon has the listener, and finds the second link of the earlier one.
  rmSync(scene.path, { force: true });
  expect(sockets.linkAgain(scene.address)).toBe(true);
  expect(sockets.fileOf(scene.address)).toBe(before);
  sockets.close(scene.fd, scene.address);
  expect(readdirSync(scene.directory)).toEqual([]);
});

test("an internet address has no file", () => {
  const address: ListenAddress = { family: "inet", host: [127, 0, 0, 1], port: 80 };
  expect([sockets.linkAgain(address), sockets.restoreFile(address), sockets.fileOf(address)]).toEqual([false, false, null]);
  sockets.watchFile(address, () => {})();
});
