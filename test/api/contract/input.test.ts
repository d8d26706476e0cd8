import { expect, test } from "bun:test";
import { MAX_BODY } from "../../../src/api/server/body.ts";
import type { Pattern } from "../../../src/base/pattern.ts";
import { errorOf, makeRig, NOW } from "../server/fake.ts";

const API = "/api/supervisor";
const LOGS = `GET ${API}/services/web/logs`;
const post = (text: string | Uint8Array<ArrayBuffer>, type = "application/json"): RequestInit => ({
  body: text,
  headers: { "content-type": type },
});

const WRONG: ReadonlyArray<readonly [rule: string, request: string, init: RequestInit, status: number, words: string, hint?: string]> = [
  ["an unknown query key is 400 with the nearest known one", `${LOGS}?line=3`, {}, 400, 'unknown query key "line"', "did you mean lines?"],
  [
    "a query key of a route without any is 400",
    `GET ${API}/status?verbose`,
    {},
    400,
    'unknown query key "verbose"',
    "this route accepts none",
  ],
  ["the id of the path cannot be given in the query", `${LOGS}?id=db`, {}, 400, 'unknown query key "id"'],
  ["nor in the body", `POST ${API}/services/web/start`, post('{"id":"db"}'), 422, 'unknown body key "id"'],
  ["a key given twice is 400", `${LOGS}?lines=1&lines=2`, {}, 400, "lines: it occurs 2 times"],
  ["a key in query and body is 400", `POST ${API}/reload?dry_run=true`, post('{"dry_run":false}'), 400, "in the query and in the body"],
  [
    "a wrong number is 422 and names key and value",
    `${LOGS}?lines=many`,
    {},
    422,
    'lines: expected number, received string (got "many")',
    "last n lines",
  ],
  ["a number over the limit is 422", `${LOGS}?lines=100001`, {}, 422, "lines: "],
  ["a fraction instead of an integer is 422", `${LOGS}?lines=1.5`, {}, 422, "lines: "],
  ["a wrong boolean is 422", `${LOGS}?follow=maybe`, {}, 422, "follow: expected boolean"],
  ["a string in a body is not a boolean", `POST ${API}/services/web/start`, post('{"wait":"false"}'), 422, "wait: expected boolean"],
  [
    "the name of an agent cannot forge a line of the history",
    `POST ${API}/jobs`,
    post('{"action":"stop","units":["web"],"agent":"a\\nstopped by the operator"}'),
    422,
    "agent: must be 1 to 64 letters",
  ],
  ["a wrong time is 422 and names the accepted forms", `${LOGS}?since=yesterday`, {}, 422, "since: expected a time", "10m"],
  ["a date that does not exist is 422", `${LOGS}?since=2026-13-01`, {}, 422, "since: "],
  ["until with follow is 422", `${LOGS}?follow=true&until=1m`, {}, 422, "until: a followed log has no end"],
  ["a broken regular expression is 422", `${LOGS}?grep=(`, {}, 422, "grep: not a regular expression"],
  [
    "an unknown body key is 422 with the nearest known one",
    `POST ${API}/jobs`,
    post('{"acton":"start"}'),
    422,
    'unknown body key "acton"',
    "did you mean action?",
  ],
  ["a missing key is 422", `POST ${API}/jobs`, post('{"action":"start"}'), 422, "units: expected array, but it is missing"],
  [
    "an item of a list is named by its place",
    `POST ${API}/jobs`,
    post('{"action":"start","units":["a",7]}'),
    422,
    "units[1]: expected string, received number (got 7)",
  ],
  ["an empty list of units is 422", `POST ${API}/jobs`, post('{"action":"start","units":[]}'), 422, "units: "],
  ["an unknown action is 422 and names the known ones", `POST ${API}/jobs`, post('{"action":"go","units":["a"]}'), 422, '"reset-failed"'],
  ["a body that is not an object is 422", `POST ${API}/reload`, post("[1]"), 422, "expected a JSON object"],
  ["malformed JSON is 400 with line and column", `POST ${API}/reload`, post('{"dry_run": true,\n  nope}'), 400, "line 2, column 3"],
  ["a body that is not UTF-8 is 400", `POST ${API}/reload`, post(new Uint8Array([0x22, 0xff, 0x22])), 400, "not UTF-8"],
  [
    "another content-type is 400",
    `POST ${API}/reload`,
    post("dry_run=true", "application/x-www-form-urlencoded"),
    400,
    "application/x-www-form-urlencoded",
  ],
  [
    "a key of Object.prototype is as unknown as any",
    `POST ${API}/reload`,
    post('{"constructor":1}'),
    422,
    'unknown body key "constructor"',
  ],
];

for (const [rule, request, init, status, words, hint = ""] of WRONG) {
  test(rule, async () => {
    const { ask, fake, bugs } = makeRig();
    const response = await ask(request, init);
    expect(bugs).toEqual([]);
    expect(response.status).toBe(status);
    const error = await errorOf(response);
    expect(error.message).toContain(words);
    expect(error.hint ?? "").toContain(hint);
    expect(fake.calls).toEqual([]);
  });
}

test("a log query is resolved against the present time, and limited by default", async () => {
  const { ask, fake } = makeRig();
  const asked = async (query: string) => {
    expect((await ask(`${LOGS}${query}`)).status).toBe(200);
    const { signal, ...request } = fake.calls.pop()![2] as Record<string, unknown>;
    expect(signal).toBeInstanceOf(AbortSignal);
    return request;
  };
  expect(await asked("")).toEqual({ lines: 100 });
  expect(await asked("?since=1h30m")).toEqual({ lines: 10_000, sinceMs: NOW - 5_400_000 });
  expect(await asked("?lines=7&since=90&until=2026-05-01T13:00:00%2B02:00")).toEqual({
    lines: 7,
    sinceMs: NOW - 90_000,
    untilMs: NOW - 3_600_000,
  });
  expect(await asked("?since=2026-05-01%2010:00")).toEqual({ lines: 10_000, sinceMs: NOW - 7_200_000 });
  expect(await asked("?since=2026-05-01T10:00:00.123456789Z")).toEqual({ lines: 10_000, sinceMs: NOW - 7_199_877 });
  const { grep, ...request } = await asked("?grep=a.c&stream=stderr");
  expect(request).toEqual({ lines: 100, stream: "stderr" });
  expect(["abc", "ac"].map((text) => (grep as Pattern).test(text))).toEqual([true, false]);
});

test("a duration of millennia is a time in the far past, not an error", async () => {
  const { ask, fake } = makeRig();
  expect((await ask(`GET ${API}/events?since=9999999w`)).status).toBe(200);
  expect(fake.calls).toEqual([["events", { limit: 100, since: "0000-01-01T00:00:00.000Z" }]]);
});

test("content-type may carry a charset; an empty body needs none", async () => {
  const { ask } = makeRig();
  expect((await ask(`POST ${API}/reload`, post("{}", "Application/JSON; charset=utf-8"))).status).toBe(200);
  expect((await ask(`POST ${API}/reload`, post("", "text/plain"))).status).toBe(200);
});

test("a body of exactly 1 MiB is read; one byte more is 413, with or without a content-length", async () => {
  const { ask } = makeRig();
  const sized = (bytes: number) => `{"dry_run":true${" ".repeat(bytes - 16)}}`;
  expect((await ask(`POST ${API}/reload`, post(sized(MAX_BODY)))).status).toBe(200);
  expect((await ask(`POST ${API}/reload`, post(sized(MAX_BODY + 1)))).status).toBe(413);
  const told = await ask(`POST ${API}/reload`, {
    body: "{}",
    headers: { "content-type": "application/json", "content-length": String(MAX_BODY + 1) },
  });
  expect(told.status).toBe(413);
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
  });
  const chunked = await ask(`POST ${API}/reload`, { body: endless, headers: { "content-type": "application/json" } });
  expect(chunked.status).toBe(413);
  expect((await errorOf(chunked)).code).toBe("too-large");
  expect(sent).toBeLessThan(2 * MAX_BODY);
});
