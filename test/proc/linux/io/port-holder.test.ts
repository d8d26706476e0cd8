import { expect, test } from "bun:test";
import { findPortHolder } from "../../../../src/linux/io/port-holder.ts";

test("names the process that listens on a port, its unit, and whether it is the only one", async () => {
  const env = { ...process.env, SUP_UNIT: "api" };
  const source = "const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() }); console.log(server.port);";
  const other = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe", env });
  const port = Number(new TextDecoder().decode((await other.stdout.getReader().read()).value));
  const holder = findPortHolder(port)!;
  expect(holder).toMatchObject({ pid: other.pid, unit: "api" });
  expect(holder.name).toEndWith(` (pid ${other.pid})`);
  expect(holder.isAlone()).toBe(true);
  const second = Bun.listen({ hostname: "127.0.0.2", port, socket: { data: () => {} } });
  expect(holder.isAlone()).toBe(false);
  second.stop();
  expect(holder.isAlone()).toBe(true);
  other.kill();
  await other.exited;
  expect(holder.isAlone()).toBe(false);
  expect(findPortHolder(port)).toBeNull();
});

test("a port with only an established connection is free", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const client = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data: () => {} } });
  server.stop();
  expect(findPortHolder(server.port)).toBeNull();
  client.end();
});
