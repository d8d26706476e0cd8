import { expect, test } from "bun:test";
import { findPortOwner } from "../../../../src/linux/io/tcp-listeners.ts";

test("the listener on a port is found by name and pid; null when there is none", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  expect(findPortOwner(port)).toEndWith(`(pid ${process.pid})`);
  server.stop(true);
  expect(findPortOwner(port)).toBeNull();
});
