/**
 * Servers that do not drain, in the same rolling restarts. docs/zero-downtime.md has the figures that this test prints. The test
 * checks what the page says about them: they lose requests on open connections only, except for those that end at once.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { type Report, startLoad } from "../../../bench/rolling/load.ts";
import { OTHERS, place, type Placed, type Server, SERVERS } from "./servers.ts";

interface Stock {
  readonly heading: string;
  readonly title: string;
  /** Changes of the program on the page: text and its replacement. */
  readonly program: ReadonlyArray<readonly [RegExp, string]>;
  /** Changes of the unit file. */
  readonly unit: Readonly<Record<string, unknown>>;
  /** True if the server answers every request on a connection that it has accepted for one request. */
  readonly keepsOneShots: boolean;
}

const STOCK: readonly Stock[] = [
  {
    ...{ heading: "Node.js", title: "node: server.close()", keepsOneShots: true, unit: {} },
    program: [
      [/.*"Connection", "close".*\n/, ""],
      [/Server\.prototype\.close\.call\(server, /, "server.close("],
    ],
  },
  { heading: "Node.js", title: "node: no handler", keepsOneShots: false, unit: {}, program: [[/process\.on\([^]*/, ""]] },
  { heading: "Bun", title: "Bun: no handler", keepsOneShots: false, unit: {}, program: [[/process\.on\([^]*/, ""]] },
  {
    heading: "Python: http.server",
    title: "http.server: no handler",
    keepsOneShots: false,
    unit: {},
    program: [[/signal\.signal.*\n/, ""]],
  },
  {
    heading: "nginx",
    title: "nginx: keepalive_timeout 75",
    keepsOneShots: true,
    unit: {},
    program: [[/keepalive_timeout 0/, "keepalive_timeout 75"]],
  },
  {
    ...{ heading: "Python: gunicorn", title: "gunicorn: gthread", keepsOneShots: false, program: [] },
    unit: { args: ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--graceful-timeout", "2", "--preload", "app:app"] },
  },
  { heading: "Python: uvicorn", title: "uvicorn", keepsOneShots: false, unit: {}, program: [[/sleep\(0\.3\)/, "sleep(0)"]] },
];

const ROLLOUTS = 2;

test(`${ROLLOUTS} rolling restarts of servers that do not drain`, async () => {
  await using daemon = await startDaemon();
  const all: readonly Server[] = [...SERVERS, ...OTHERS];
  const placed = STOCK.flatMap((stock, index) => {
    const server = all.find(({ heading }) => heading === stock.heading);
    return server === undefined ? [] : [{ stock, service: placeStock(server, stock, daemon, `web-${index}`) }];
  });
  expect((await daemon.sup("reload")).code).toBe(0);
  expect((await daemon.sup("start", ...placed.map(({ service }) => service.name))).code).toBe(0);
  const measure = async ({ stock, service }: (typeof placed)[number]): Promise<void> => {
    const load = startLoad(service.port);
    for (let i = 0; i < ROLLOUTS; i++) expect(await daemon.sup("rolling-restart", service.name)).toMatchObject({ code: 0 });
    const { requests, failures, slowestMs }: Report = await load.stop();
    const oneShots = failures.filter((text) => text.startsWith("one-shot"));
    const counts = `${failures.length - oneShots.length} failed on open connections, ${oneShots.length} on new ones`;
    console.error(`${stock.title}: ${requests} requests, ${counts}, the slowest took ${Math.round(slowestMs)} ms`);
    if (stock.keepsOneShots) expect(oneShots, stock.title).toEqual([]);
  };
  await Promise.all(placed.map(measure));
}, 120_000);

function placeStock(server: Server, { program, unit }: Stock, daemon: Daemon, name: string): Placed {
  const placed = place(server, daemon, name, { rolling: { min_healthy_time: 0.1 }, ...unit });
  let text = readFileSync(placed.file, "utf8");
  for (const [from, to] of program) {
    expect(text).toMatch(from);
    text = text.replace(from, to);
  }
  writeFileSync(placed.file, text);
  return placed;
}
