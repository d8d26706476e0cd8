/**
 * Dependencies and health with real servers: a database, a migration that uses it, a web service, a worker, each gated on
 * the one before; and nginx in front of a backend that dies.
 */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, SUP, type Daemon } from "../../harness/daemon.ts";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { freePort } from "../../harness/ports.ts";
import { run } from "../../harness/run.ts";
import { until } from "../../harness/until.ts";
import { hasNginx, postgres, postgresBin, psql, sample, skips } from "./servers.ts";

const firstOf = async (daemon: Daemon, unit: string, type: string): Promise<number> => {
  const event = (await eventsOf(daemon, unit, type))[0];
  if (!event) throw new Error(`${unit} has no event ${type}`);
  return event.id;
};

test.skipIf(skips(postgresBin() !== null, "postgresql"))(
  "postgres, migration, web, worker: each waits for the one before; the database is killed, and all recovers alone",
  async () => {
    const [port, webPort] = [freePort(), freePort()];
    await using daemon = await startDaemon();
    const sql = (text: string): string[] => [...psql(port), text];
    const [client, ...options] = sql("");
    const insert = `while ${sql("insert into jobs default values")
      .map((word) => `'${word}'`)
      .join(" ")} >/dev/null; do sleep 0.05; done; exit 1`;
    const quick = { restart_policy: { retry_delay: 0.1, max_backoff: 1, max_retries: -1 } };
    const units = {
      worker: { ...quick, command: "/bin/sh", args: ["-c", insert], dependencies: ["web"] },
      web: {
        ...quick,
        command: SUP,
        args: ["demo-web", "${PORT}"],
        port: webPort,
        health_check: { type: "http", endpoint: "http://127.0.0.1:${PORT}/healthz", interval: 0.2, start_interval: 0.1 },
        dependencies: ["migrate", { unit: "postgres", restart: true }],
      },
      migrate: {
        ...quick,
        type: "oneshot",
        command: client!,
        args: [...options.slice(0, -1), "create table if not exists jobs (id serial primary key)"],
        dependencies: ["postgres"],
      },
      postgres: postgres(daemon.home, port),
    };
    for (const [name, unit] of Object.entries(units)) daemon.writeUnit(name, unit);
    await daemon.reaches("worker", () => true);
    const started = await daemon.sup("start", "worker");
    expect({ code: started.code, why: started.stderr }).toEqual({ code: 0, why: "" });

    const ready = [
      await firstOf(daemon, "postgres", "running"),
      await firstOf(daemon, "migrate", "stopped"),
      await firstOf(daemon, "web", "running"),
    ];
    const began = [
      await firstOf(daemon, "migrate", "started"),
      await firstOf(daemon, "web", "started"),
      await firstOf(daemon, "worker", "started"),
    ];
    expect(began.every((id, at) => id > ready[at]!)).toBe(true);

    const count = async (): Promise<number> => Number((await run(sql("select count(*) from jobs"))).stdout);
    const before = await until(count, { what: "the worker to write" });
    const [db, web] = [await daemon.service("postgres"), await daemon.service("web")];
    process.kill(db.pid!, "SIGKILL");
    await daemon.reaches("postgres", (row) => row.state === "running" && row.pid !== db.pid, 30_000);
    await daemon.reaches("web", (row) => row.state === "running" && row.pid !== web.pid, 30_000);
    await until(async () => (await count()) > before + 3, { what: "the worker to write again", timeoutMs: 30_000 });
    expect((await daemon.service("worker")).state).toBe("running");
    expect((await daemon.sup("why", "web")).stdout).toContain("a dependency is restarting");
    expect((await daemon.sup("stop", "postgres", "--cascade")).code).toBe(0);
    const stopped = await Promise.all(["worker", "web", "postgres"].map(async (id) => (await eventsOf(daemon, id, "stopped")).at(-1)!.id));
    expect(stopped.toSorted((a, b) => a - b)).toEqual(stopped);
  },
  120_000,
);

test.skipIf(skips(hasNginx, "nginx"))(
  "nginx whose backend dies is degraded by its fallback, not restarted, and healthy again with it",
  async () => {
    const [port, backendPort] = [freePort(), freePort()];
    const check = {
      type: "http",
      endpoint: "http://127.0.0.1:${PORT}/",
      interval: 0.2,
      failure_threshold: 1,
      start_period: 10,
      fallback_check: { type: "http", endpoint: "http://127.0.0.1:${PORT}/static", expected_content: "static" },
    };
    const proxied = (text: string): string =>
      text
        .replace(
          /location \/ {[^}]*}/,
          `location = /static { return 200 static; } location / { proxy_pass http://127.0.0.1:${backendPort}/; }`,
        )
        .replace(/"health_check": .*\n/, () => `"health_check": ${JSON.stringify(check)},\n`);
    await using daemon = await startDaemon();
    mkdirSync(join(daemon.home, "state/nginx"), { recursive: true });
    daemon.writeUnit("backend", { command: SUP, args: ["demo-web", String(backendPort)] });
    daemon.writeUnit("nginx", sample("nginx", port, proxied));
    await daemon.reaches("nginx", () => true);
    await daemon.sup("start", "backend");
    expect(await daemon.sup("start", "nginx")).toMatchObject({ code: 0, stderr: "" });
    const { pid } = await daemon.reaches("nginx", (row) => row.health === "healthy");
    await daemon.sup("stop", "backend");
    await daemon.reaches("nginx", (row) => row.health === "degraded");
    expect((await daemon.sup("health", "nginx")).stdout).toContain("(fallback)");
    expect((await daemon.sup("health")).stdout).toStartWith("degraded");
    await daemon.sup("start", "backend");
    await daemon.reaches("nginx", (row) => row.health === "healthy");
    expect(await daemon.service("nginx")).toMatchObject({ pid, restart_count: 0 });
    const types = await typesOf(daemon, "nginx");
    expect(types.filter((type) => type === "degraded" || type === "healthy").slice(-2)).toEqual(["degraded", "healthy"]);
  },
);
