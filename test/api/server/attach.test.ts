import { expect, test } from "bun:test";
import { MAX_TYPED_BYTES } from "../../../src/api/contract/limits.ts";
import { errorOf, makeRig, TOKEN } from "./fake.ts";

const WEB = "/api/supervisor/services/web";
const body = (value: unknown): RequestInit => ({ body: JSON.stringify(value) });
const lines = async (response: Response): Promise<unknown[]> =>
  (await response.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line) as unknown); // prettier-ignore

test("attach streams who types, the output and the end, and detaches afterwards", async () => {
  const { ask, fake } = makeRig();
  const response = await ask(`POST ${WEB}/attach`, body({ columns: 80, rows: 24, name: "ann" }));
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  expect(await lines(response)).toEqual([{ session: "s1", types: true, typist: "ann" }, { output: "Pj4+IA==" }, { ended: true }]);
  expect(fake.calls).toEqual([
    ["attach", "web", { name: "ann", watches: false, takes: false, size: { columns: 80, rows: 24 } }],
    ["detach", "web"],
  ]);
});

test("a unit that does not exist is refused as an error, not as a stream", async () => {
  const { ask } = makeRig();
  const response = await ask("POST /api/supervisor/services/nope/attach", body({}));
  expect([response.status, (await errorOf(response)).code]).toEqual([404, "no-such-unit"]);
});

test("input is decoded; a size alone is input too; a client that is gone gets an error", async () => {
  const { ask, fake } = makeRig();
  expect((await ask(`POST ${WEB}/attach/input`, body({ session: "s1", data: "aGkK" }))).status).toBe(200);
  expect((await ask(`POST ${WEB}/attach/input`, body({ session: "s1", columns: 90, rows: 30 }))).status).toBe(200);
  expect((await ask(`POST ${WEB}/attach/input`, body({ session: "other", data: "" }))).status).toBe(404);
  expect(fake.calls).toEqual([
    ["typeInto", "web", "s1", "hi\n", null],
    ["typeInto", "web", "s1", null, { columns: 90, rows: 30 }],
    ["typeInto", "web", "other", "", null],
  ]);
});

test("input that is no base64, too long, or for a terminal without size is refused", async () => {
  const { ask } = makeRig();
  const status = async (input: object): Promise<number> =>
    (await ask(`POST ${WEB}/attach/input`, body({ session: "s1", ...input }))).status;
  expect(await status({ data: "%" })).toBe(422);
  expect(await status({ data: Buffer.alloc(MAX_TYPED_BYTES + 3).toString("base64") })).toBe(422);
  expect(await status({ data: Buffer.alloc(MAX_TYPED_BYTES).toString("base64") })).toBe(200);
  expect(await status({ columns: 0, rows: 24 })).toBe(422);
});

test("over TCP it needs the token; a session of the page is not enough, because it types commands", async () => {
  const { ask } = makeRig();
  const headers = { host: "localhost" };
  expect((await ask(`POST ${WEB}/attach`, { ...body({}), headers }, "tcp")).status).toBe(401);
  const signedIn = await ask("POST /api/supervisor/session", { ...body({ token: TOKEN }), headers }, "tcp");
  const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
  for (const path of [`${WEB}/attach`, `${WEB}/attach/input`])
    expect((await ask(`POST ${path}`, { ...body({ session: "s1" }), headers: { ...headers, cookie } }, "tcp")).status).toBe(403);
});

test("run with a terminal attaches before the start, and ends with the outcome; without a terminal it makes no unit", async () => {
  const { ask, fake } = makeRig();
  const run = (input: object) => ask("POST /api/supervisor/run", body({ follow: true, attach: { name: "ann" }, ...input }));
  const response = await run({ unit: { command: "sh", tty: true } });
  const end = { id: "run-00000001", state: "stopped", reason: "success", exit_code: 0, message: "exit code 0" };
  expect(await lines(response)).toEqual([
    { id: "run-00000001" },
    { session: "s1", types: true, typist: "ann" },
    { output: "Pj4+IA==" },
    { ended: true },
    { end },
  ]);
  expect(fake.calls.map(([method]) => method)).toEqual(["define", "attach", "followRun", "act", "detach"]);
  expect((await run({ unit: { command: "sh" } })).status).toBe(400);
  expect((await run({ unit: { command: "sh", tty: true }, follow: false })).status).toBe(400);
  expect(fake.calls.filter(([method]) => method === "define")).toHaveLength(1);
});
