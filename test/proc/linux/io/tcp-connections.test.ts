import { expect, test } from "bun:test";
import { countConnections } from "../../../../src/linux/io/tcp-connections.ts";

test.each(["127.0.0.1", "::1"])("the connections to a port of %s are counted at the server's end", async (hostname) => {
  const opened = Promise.withResolvers<void>();
  let count = 0;
  const server = Bun.listen({
    ...{ hostname, port: 0 },
    socket: {
      data() {},
      open() {
        if (++count === 2) opened.resolve();
      },
    },
  });
  const { port } = server;
  expect(countConnections().get(port)).toBeUndefined();
  const clients = await Promise.all([1, 2].map(() => Bun.connect({ hostname, port, socket: { data() {} } })));
  await opened.promise;
  expect(countConnections().get(port)).toBe(2);
  for (const client of clients) client.end();
  server.stop(true);
});
