/** A process outside the unit that listens on the unit's port, and responds to its health check. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";

test("the response of another process does not make a unit ready, and sup why names the process", async () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
  const check = { type: "http", endpoint: `http://127.0.0.1:${other.port}/`, interval: 0.2, start_interval: 0.1 };
  const web = sleeper({ port: other.port, health_check: check, start_timeout: 2, restart_policy: { max_retries: 0 } });
  await using daemon = await startDaemon({ units: { web } });
  const started = await daemon.sup("start", "web");
  const holder = `port ${other.port} is in use by bun (pid ${process.pid}), which does not belong to this unit`;
  expect(started.code).toBe(1);
  expect(started.stderr).toContain(holder);
  expect((await daemon.sup("why", "web")).stdout).toContain(`${holder.replace("port", "Port")}.`);

  await other.stop(true);
  expect((await daemon.sup("why", "web")).stdout).not.toContain("Port ");
});
