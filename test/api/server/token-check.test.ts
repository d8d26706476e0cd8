import { expect, test } from "bun:test";
import { createTokenCheck, networkOf, WINDOW_MS, type TokenCheck } from "../../../src/api/server/token-check.ts";
import { errorOf, makeRig, TOKEN } from "./fake.ts";

const HERE = "10.0.0.1";
const ELSEWHERE = "10.0.0.2";

function checkWithClock(): { readonly check: TokenCheck; readonly clock: { ms: number } } {
  const clock = { ms: 1_000_000 };
  return { check: createTokenCheck(TOKEN, () => clock.ms), clock };
}

const wrongTimes = (check: TokenCheck, count: number): string[] =>
  Array.from({ length: count }, (_, i) => check(`wrong ${i}`, HERE, "request"));

test("after ten wrong tokens an address is locked for the rest of the minute, and refused requests do not extend that", () => {
  const { check, clock } = checkWithClock();
  expect(wrongTimes(check, 10)).toEqual(Array(10).fill("wrong"));
  expect(check(TOKEN, ELSEWHERE, "request")).toBe("right");
  clock.ms += WINDOW_MS - 1;
  expect(wrongTimes(check, 100)).toEqual(Array(100).fill("too-many"));
  expect(check(TOKEN, HERE, "request")).toBe("too-many");
  clock.ms += 1;
  expect(check(TOKEN, HERE, "request")).toBe("right");
});

test("an address that has sent the right token lately keeps access with it, whatever else comes from there", () => {
  const { check, clock } = checkWithClock();
  expect(check(TOKEN, HERE, "request")).toBe("right");
  wrongTimes(check, 100);
  expect(check("wrong", HERE, "request")).toBe("too-many");
  expect(check(TOKEN, HERE, "request")).toBe("right");
  expect(check(TOKEN, HERE, "sign-in")).toBe("too-many");
  clock.ms += 2 * 60 * WINDOW_MS;
  wrongTimes(check, 10);
  expect(check(TOKEN, HERE, "request")).toBe("too-many");
});

test("a clock that is set back does not lock an address out for longer", () => {
  const { check, clock } = checkWithClock();
  wrongTimes(check, 10);
  clock.ms -= 500_000;
  expect(check(TOKEN, HERE, "request")).toBe("right");
});

test("only the newest thousand addresses are remembered", () => {
  const { check } = checkWithClock();
  wrongTimes(check, 10);
  for (let i = 0; i < 1000; i++) check("wrong", `10.1.${i >> 8}.${i & 255}`, "request");
  expect(check("wrong", HERE, "request")).toBe("wrong");
});

for (const [address, network] of [
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::9", "2001:db8:1:2"],
  ["2001:DB8::9", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::", "fe80:0:0:0"],
  ["", ""],
] as const)
  test(`the network of "${address}" is "${network}"`, () => expect(networkOf(address)).toBe(network));

test("over TCP each address has its own limit; the unix socket and sessions have none", async () => {
  const { app, ask } = makeRig();
  const from = (address: string, token: string): Promise<Response> => {
    const headers = { host: "localhost", authorization: `Bearer ${token}` };
    const connection = { timeout: () => {}, requestIP: () => ({ address }) };
    return Promise.resolve(app.handle(new Request("http://localhost/api/supervisor/status", { headers }), "tcp", connection));
  };
  for (let i = 0; i < 10; i++) expect((await from(HERE, "wrong")).status).toBe(401);
  const refused = await from(HERE, TOKEN);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("60");
  expect((await errorOf(refused)).code).toBe("too-many");
  expect((await from(ELSEWHERE, TOKEN)).status).toBe(200);
  expect((await ask("GET /api/supervisor/status")).status).toBe(200);
});
