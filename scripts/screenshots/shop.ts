import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { UnitFile } from "../../test/harness/services.ts";

/**
 * Returns the units of a small shop that shows everything the page can show: units that work, leak memory, are unhealthy, or have
 * failed.
 */
export function shop(directory: string, apiPort: number, webPort: number): Record<string, UnitFile> {
  writeFileSync(join(directory, "server.ts"), SERVER);
  symlinkSync(process.execPath, join(directory, "bun")); // the pictures must not show where this checkout is
  return { ...data(), ...web(directory, apiPort, webPort), ...jobs() };
}

function data(): Record<string, UnitFile> {
  return {
    postgres: talker(["checkpoint complete: wrote 214 buffers", 'automatic vacuum of table "shop.public.orders"'], {
      description: "Orders, customers, stock",
      critical: true,
      priority: 10,
      groups: ["data"],
      labels: { team: "core" },
      health_check: { type: "process", interval: 5 },
    }),
    redis: talker(["DB saved on disk", "Background saving terminated with success"], {
      description: "Sessions and carts",
      priority: 20,
      groups: ["data"],
      labels: { team: "core" },
      health_check: { type: "process", interval: 5 },
    }),
    migrate: sh("echo 'schema is at version 42'", {
      description: "Brings the schema up to date",
      type: "oneshot",
      remain_after_exit: true,
      auto_restart: false,
      dependencies: ["postgres"],
      groups: ["data"],
    }),
  };
}

function web(directory: string, apiPort: number, webPort: number): Record<string, UnitFile> {
  return {
    api: server(directory, apiPort, {
      environment: { LEAKS: "yes" },
      description: "What the shop and the apps talk to",
      critical: true,
      priority: 30,
      groups: ["web"],
      labels: { team: "shop", tier: "back" },
      dependencies: ["migrate", "redis"],
      resource_limits: { max_memory_mb: 320 },
    }),
    web: server(directory, webPort, {
      description: "Pages of the shop",
      groups: ["web"],
      labels: { team: "shop", tier: "front" },
      dependencies: ["api"],
    }),
    search: talker(["reindexed 1,204 articles", "index is 3 s behind"], {
      description: "Articles by words",
      groups: ["web"],
      labels: { team: "search" },
      dependencies: ["postgres"],
      health_check: {
        type: "exec",
        command: "/bin/sh",
        // The first check passes and all later checks fail.
        args: ["-c", "[ -e '%S/search' ] || { touch '%S/search'; exit 0; }; echo 'index is 340 s behind, 60 s are allowed'; exit 1"],
        interval: 2,
        failure_threshold: 2,
        action: "none",
      },
    }),
    payments: sh("echo 'PAYMENTS_KEY: no such secret: /run/secrets/payments' >&2; exit 78", {
      description: "Talks to the bank",
      critical: true,
      priority: 30,
      groups: ["web"],
      labels: { team: "money" },
      dependencies: ["postgres"],
      restart_policy: { max_retries: 2, retry_delay: 0.2 },
    }),
  };
}

function jobs(): Record<string, UnitFile> {
  return {
    mailer: talker(["sent order confirmation to 3 customers", "queue is empty"], {
      description: "Confirmations and invoices",
      groups: ["jobs"],
      dependencies: ["redis"],
      labels: { team: "shop" },
    }),
    resize: talker(["resized 12 pictures", "WARN queue has 40 pictures", "resized 15 pictures"], {
      description: "Makes pictures of articles smaller",
      groups: ["jobs"],
      labels: { team: "shop" },
      instances: 3,
    }),
    thumbnails: sh("echo 'ERROR cannot reach the image store: connection refused' >&2; exit 1", {
      description: "Pictures in three sizes",
      groups: ["jobs"],
      labels: { team: "shop" },
      restart_policy: { max_retries: 50, retry_delay: 240 },
    }),
    "nightly-report": sh("echo done", {
      description: "Sales of the day, by mail",
      type: "oneshot",
      auto_restart: false,
      schedule: { cron: "30 2 * * *" },
      dependencies: ["postgres"],
      groups: ["jobs"],
    }),
    "old-importer": sh("exec sleep 1000", { description: "Until the supplier has its new interface", enabled: false, groups: ["jobs"] }),
  };
}

const sh = (script: string, more: UnitFile): UnitFile => ({ command: "/bin/sh", args: ["-c", script], enabled: true, ...more });

/** Returns a unit that prints these lines in a loop. */
const talker = (lines: readonly string[], more: UnitFile): UnitFile =>
  sh(`while :; do ${lines.map((line) => `echo '${line}'; sleep 2`).join("; ")}; done`, more);

/** Returns a unit that answers health checks, does a little work, logs in colours, and leaks some memory with each request. */
const server = (directory: string, port: number, more: UnitFile): UnitFile => ({
  command: "./bun",
  args: ["server.ts"],
  working_directory: directory,
  port,
  enabled: true,
  health_check: { type: "http", endpoint: "http://127.0.0.1:${PORT}/health", interval: 1 },
  ...more,
});

const SERVER = `
const kept = [];
const paths = ["/", "/cart", "/articles/1204", "/search?q=lamp", "/orders/77", "/login"];
let n = 0;
Bun.serve({ port: process.env.PORT, hostname: "127.0.0.1", async fetch() { await Bun.sleep(4 + 6 * Math.random()); return new Response("ok"); } });
console.log("listening on port " + process.env.PORT);
setInterval(() => {
  if (process.env.LEAKS) kept.push(Buffer.alloc(300_000, 1));
  for (let end = performance.now() + 12 + 10 * Math.random(); performance.now() < end; );
  if (++n % 3) return;
  const status = n % 33 === 0 ? 500 : n % 12 === 0 ? 404 : 200;
  const colour = status === 200 ? 32 : status === 404 ? 33 : 31;
  const line = "\\x1b[" + colour + "m" + status + "\\x1b[0m \\x1b[1mGET\\x1b[0m " + paths[n % 6] + " \\x1b[2m" + (3 + (n * 7) % 40) + " ms\\x1b[0m";
  if (status === 500) console.error(line + "\\nError: timeout of the payment service after 5000 ms"); else console.log(line);
}, 200);
`;
