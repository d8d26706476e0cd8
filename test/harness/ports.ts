/** A TCP port of the loopback that nobody listened on a moment ago. Prefer port 0 where the program under test takes it. */
export function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
