/**
 * Returns a free TCP port of the loopback address. Another process may take it before the test uses it, so use port 0 if the
 * program under test accepts it.
 */
export function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
