/** No message is lost, and none is sent again after it was acknowledged, whatever happens to the daemon or to a receiver. */
import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { startDaemon } from "../../harness/daemon.ts";
import { receiver } from "../../harness/http-receiver.ts";
import { until } from "../../harness/until.ts";
import { Random } from "../../sim/random.ts";
import { atOnce, FAILS, heard, list, settled, withOps, type Got } from "./scene.ts";

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `u${i}`);
const units = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, FAILS]));

test("a message whose receiver was down when the daemon was killed is sent once by the next daemon", async () => {
  let isUp = false;
  await using ops = receiver(() => new Response("", { status: isUp ? 200 : 503 }));
  await using daemon = await startDaemon({ units: { web: FAILS }, settings: withOps(ops.url) });
  await daemon.sup("start", "web");
  await until(() => ops.received.length === 1, { what: "the first attempt" });
  await daemon.crash();
  isUp = true;
  await daemon.start();
  await settled(daemon);
  await daemon.crash();
  await daemon.start();
  expect((await list(daemon)).messages).toMatchObject([{ state: "sent" }]);
  expect(ops.received).toHaveLength(2);
  expect(new Set(ops.received.map(({ headers }) => headers["x-sup-delivery"])).size).toBe(1);
});

/** By then the daemon has stored an answer, also on a busy machine. */
const STORED_MS = 250;

test("SIGKILL at seeded moments between event and answer: nothing is lost, and only an answer that never arrived is repeated", async () => {
  const random = new Random(17);
  const ids = names(15);
  const deliveries: Array<{ key: string; fromMs: number; answeredMs: number }> = [];
  const killsMs: number[] = [];
  await using ops = receiver(async ({ headers }) => {
    const fromMs = performance.now();
    await Bun.sleep(random.next() * 40);
    deliveries.push({ key: headers["x-sup-delivery"]!, fromMs, answeredMs: performance.now() });
    return new Response("ok");
  });
  await using daemon = await startDaemon({ units: units(ids), settings: withOps(ops.url, { rate_limit: { messages: 1000, per: 1 } }) });
  for (const id of ids) {
    await daemon.sup("start", id, "--no-wait");
    await Bun.sleep(random.next() * 80);
    killsMs.push(performance.now());
    await daemon.crash();
    await daemon.start();
  }
  const failed = async (): Promise<boolean> =>
    (await Promise.all(ids.map((id) => daemon.service(id)))).every(({ state }) => state === "failed");
  await until(failed, { what: "every unit to have failed" });
  const all = (): boolean => ids.every((id) => heard(ops).includes(`begin ${id}`));
  await until(all, { what: "every beginning", explain: () => heard(ops).join(", "), timeoutMs: 40_000 });
  await settled(daemon);
  const repeated = deliveries.filter(({ key, fromMs }) => deliveries.some((other) => other.key === key && other.fromMs > fromMs));
  console.log(
    `notifications: ${ids.length} kills, ${deliveries.length} deliveries, ${repeated.length} repeated because the answer never arrived`,
  );
  // An answer that the daemon had time to store is the last: a repeated delivery was cut off by a kill.
  const isCutOff = ({ fromMs, answeredMs }: (typeof deliveries)[number]): boolean =>
    killsMs.some((ms) => ms >= fromMs && ms <= answeredMs + STORED_MS);
  expect(repeated.filter((one) => !isCutOff(one))).toEqual([]);
  // Different messages about one beginning would be duplicates that no receiver can recognise.
  const begun = new Map<string, Set<string>>();
  for (const { text } of ops.received) {
    const { key, notices } = JSON.parse(text) as Got;
    for (const { episode, what } of notices) begun.set(`${what} ${episode}`, new Set([...(begun.get(`${what} ${episode}`) ?? []), key]));
  }
  for (const [what, messages] of begun) expect([what, messages.size]).toEqual([what, 1]);
});

test("a re-execution waits for the answer that is on its way, and goes on with the rest", async () => {
  const ids = names(4);
  await using ops = receiver(async () => {
    await Bun.sleep(150);
    return new Response("ok");
  });
  await using daemon = await startDaemon({ units: units(ids), settings: withOps(ops.url) });
  for (const id of ids) await daemon.sup("start", id, "--no-wait");
  await until(() => ops.received.length > 0, { what: "the first message" });
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  await until(() => ids.every((id) => heard(ops).includes(`begin ${id}`)), { what: "every beginning" });
  await settled(daemon);
  expect(heard(ops).toSorted()).toEqual(ids.map((id) => `begin ${id}`));
});

test("receivers that hang, reset, redirect, refuse or answer garbage delay neither another channel nor the units", async () => {
  await using ops = receiver();
  using bad = await badServer();
  const url = (how: string) => ({ type: "webhook", url: `http://127.0.0.1:${bad.port}/${how}`, timeout: 60 });
  const channels = {
    hang: url("hang"),
    reset: url("reset"),
    redirect: url("redirect"),
    garbage: url("garbage"),
    refuse: url("refuse"),
    ops: { type: "webhook", url: ops.url, rate_limit: { messages: 100, per: 1 } },
  };
  const settings = { notifications: { channels, rules: [atOnce(...Object.keys(channels))] } };
  const ids = names(5);
  await using daemon = await startDaemon({ units: units(ids), settings });
  const from = performance.now();
  for (const id of ids) {
    await daemon.sup("start", id);
    await until(() => heard(ops).includes(`begin ${id}`), { what: `the beginning of ${id}`, timeoutMs: 3000 });
  }
  expect(performance.now() - from).toBeLessThan(10_000);
  const { channels: shown } = await list(daemon);
  expect(shown.filter(({ sent }) => sent > 0).map(({ name }) => name)).toEqual(["ops"]);
  expect(shown.find(({ name }) => name === "hang")).toMatchObject({ last_error: null, pending: ids.length });
  expect(shown.find(({ name }) => name === "refuse")).toMatchObject({ failed: ids.length });
  await daemon.stop(); // a request that hangs does not keep the daemon
});

/** Behaves as the path says. */
async function badServer() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const how = /^POST \/(\w+)/.exec(data.toString())?.[1];
      if (how === "reset") socket.resetAndDestroy();
      if (how === "garbage") socket.end("\u0000\u0001 nothing\r\n");
      if (how === "redirect") socket.end("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
      if (how === "refuse") socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
