import { describe, expect, test } from "bun:test";
import type { LogLineShape, StreamChange } from "../../src/api/contract/shapes.ts";
import { FakeDaemon, Failure, sup } from "./fake.ts";
import { anEvent, daemonInfo } from "./fixtures.ts";

const line = (ms: number, text: string, stream: LogLineShape["stream"] = "stdout"): LogLineShape => ({
  time: `2026-11-22T20:00:00.${String(ms).padStart(3, "0")}000000Z`,
  stream,
  full: true,
  text,
});

/** A body that is sent piece by piece and ends after the last one. */
const stream = (type: string, ...pieces: string[]): Response =>
  new Response(new ReadableStream({
    async start(controller) {
      for (const piece of pieces) {
        controller.enqueue(new TextEncoder().encode(piece));
        await new Promise((resolve) => setImmediate(resolve));
      }
      controller.close();
    },
  }), { headers: { "content-type": type } }); // prettier-ignore

const ndjson = (...values: unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const over = new Failure("not-ready", "the daemon is ending");

describe("logs", () => {
  test("one unit: prints local time and text", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => [line(1, "one"), line(20, "t\x1b[31mwo")] });
    const { code, out } = await sup(daemon, ["logs", "web", "-n", "2", "--grep", "o"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.001 one\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.020 two\n$/);
    expect(daemon.asked[0]).toMatchObject({ id: "web", query: { lines: "2", grep: "o" } });
  });

  test("times are sent as ISO 8601", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => [] });
    await sup(daemon, ["logs", "web", "--since", "10m", "--until", "2026-11-22T19:55:00Z"]);
    expect(daemon.asked[0]?.query).toEqual({ since: "2026-11-22T19:50:00.000Z", until: "2026-11-22T19:55:00.000Z" });
  });

  test("several units: merged by time, with aligned names in front", async () => {
    const lines: Record<string, LogLineShape[]> = { web: [line(1, "first"), line(3, "third")], worker: [line(2, "second")] };
    await using daemon = new FakeDaemon({ resolve: () => ({ units: ["web", "worker"] }), serviceLogs: ({ id }) => lines[id] });
    const { out } = await sup(daemon, ["logs", "w*"]);
    expect(out.split("\n").map((text) => text.replace(/\d{4}.*\.\d{3}/, "TIME"))).toEqual([
      "web    | TIME first",
      "worker | TIME second",
      "web    | TIME third",
      "",
    ]);
    expect((await sup(daemon, ["logs", "w*", "-n", "1", "--bare"])).out).toBe("third\n");
  });

  test("--json: one object per line, with the unit", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => [line(1, "one", "stderr")] });
    const { out } = await sup(daemon, ["logs", "web", "--json"]);
    expect(JSON.parse(out)).toEqual({ ...line(1, "one", "stderr"), service_id: "web" });
  });

  test("-o: short time, one object per line, or the lines as stored", async () => {
    const lines = [line(1, "one"), { ...line(2, "t\x1b[31mwo", "stderr"), full: false }, { ...line(3, "raw"), time: "" }];
    await using daemon = new FakeDaemon({ serviceLogs: () => lines.slice(0, 2) });
    expect((await sup(daemon, ["logs", "web", "-o", "text"])).out).toBe((await sup(daemon, ["logs", "web"])).out);
    expect((await sup(daemon, ["logs", "web", "-o", "short"])).out).toMatch(/^\d\d:\d\d:\d\d one\n\d\d:\d\d:\d\d two…\n$/);
    const { out } = await sup(daemon, ["logs", "web", "-o", "json"]);
    expect(JSON.parse(out.split("\n")[1]!)).toEqual({ ...lines[1], service_id: "web" });
    await using raw = new FakeDaemon({ serviceLogs: () => lines });
    expect((await sup(raw, ["logs", "web", "-o", "cri"])).out).toBe(
      `${lines[0]!.time} stdout F one\n${lines[1]!.time} stderr P two\nraw\n`,
    );
  });

  test("-o cannot be combined with a different format", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => [] });
    const { code, out, err } = await sup(daemon, ["logs", "web", "-o", "short", "--json"]);
    expect({ code, said: /cannot use -o short with --json/.test(out + err) }).toEqual({ code: 2, said: true });
  });

  test("--bare joins lines that were stored in parts, separately per stream and unit", async () => {
    const part = (text: string, stream: LogLineShape["stream"] = "stdout"): LogLineShape => ({ ...line(1, text, stream), full: false });
    const lines = [part("{long "), part("bad ", "stderr"), part("er "), line(1, "end}"), line(2, "thing", "stderr"), part("not done")];
    await using daemon = new FakeDaemon({ serviceLogs: () => lines });
    expect((await sup(daemon, ["logs", "web", "--bare"])).out).toBe("{long er end}\nbad thing\nnot done\n");
  });

  test("an invalid query is a usage error, whether the command line or the daemon detects it", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => new Failure("invalid", "cannot accept grep: no look-around") });
    for (const [args, words] of [
      [["--grep", "("], 'cannot use --grep "(": missing )'],
      [["--grep", "a(?=b)+"], "cannot accept grep: no look-around"],
      [["-f", "--grep", "a(?=b)+"], "cannot accept grep: no look-around"],
      [
        ["--since", "today", "--until", "yesterday"],
        "cannot use --since today with --until yesterday: the range would end before it begins",
      ],
      [["--invocation", "abc"], "cannot use --invocation abc: it is not an invocation"],
      [["--since", "soon"], "cannot read --since soon as a time"],
    ] as const) {
      const { code, err } = await sup(daemon, ["logs", "web", ...args]);
      expect(err).toContain(words);
      expect(code).toBe(2);
    }
  });

  test("notes that lines without a time ignore --since and --until", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => [{ ...line(1, "raw"), time: "" }] });
    const words = "sup: lines of web without a time (raw log format) are shown regardless of --since and --until\n";
    expect(await sup(daemon, ["logs", "web", "--since", "10m", "--bare"])).toEqual({ code: 0, out: "raw\n", err: words });
    expect((await sup(daemon, ["logs", "web", "--bare"])).err).toBe("");
  });

  test("--stderr requests only that stream", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => [] });
    await sup(daemon, ["logs", "web", "--stderr"]);
    expect(daemon.asked[0]?.query).toEqual({ stream: "stderr" });
  });

  test("-f resumes after the last line when the connection breaks, and reports gaps", async () => {
    let calls = 0;
    await using daemon = new FakeDaemon({
      serviceLogs: () => {
        calls++;
        if (calls === 1) return stream("application/x-ndjson", "\n", ndjson(line(1, "one")), ndjson(line(2, "two")).slice(0, 20));
        if (calls === 2)
          return stream("application/x-ndjson", ndjson(line(1, "one"), line(2, "two")), ndjson({ gap: null }, line(3, "three")));
        return over;
      },
    });
    const { code, out, err } = await sup(daemon, ["logs", "-f", "-n", "5", "web", "--bare"]);
    expect(out).toBe("one\ntwo\nthree\n");
    expect(err).toBe("sup: web: lines are missing here: their log file was deleted before it was read\nsup: the daemon is ending\n");
    expect(code).toBe(1);
    expect(daemon.asked[0]?.query).toEqual({ lines: "5", follow: "true", places: "true" });
    expect(daemon.asked[1]?.query).toEqual({ since: line(1, "").time, follow: "true", places: "true" });
  });

  test("lines with the same time are each shown once, even across a break", async () => {
    let calls = 0;
    await using daemon = new FakeDaemon({
      serviceLogs: () => {
        calls++;
        if (calls === 1) return stream("application/x-ndjson", ndjson(line(1, "a"), line(1, "b"), line(2, "c"), line(2, "d")));
        if (calls === 2)
          return stream("application/x-ndjson", ndjson(line(1, "b"), line(2, "c"), line(2, "d"), line(2, "e"), line(2, "f")));
        return over;
      },
    });
    expect((await sup(daemon, ["logs", "-f", "web", "--bare"])).out).toBe("a\nb\nc\nd\ne\nf\n");
  });

  test("after a break it resumes at the last position, without duplicates, and stays with its run", async () => {
    let calls = 0;
    const head = { place: "1:10:a", invocation: "3f2a9c1b" };
    await using daemon = new FakeDaemon({
      serviceLogs: () => {
        calls++;
        if (calls === 1) return stream("application/x-ndjson", ndjson(line(1, "a"), head, line(1, "b"), { place: "1:20:a" }, line(1, "c")));
        if (calls === 2)
          return stream("application/x-ndjson", ndjson({ ...head, place: "1:20:a", resumed: true }, line(1, "c"), line(2, "d")));
        // The position is lost, so it resumes by time; one line of that time is already known.
        return stream("application/x-ndjson", ndjson({ ...head, place: null, resumed: false }, line(2, "d"), line(2, "e"), { over: true }));
      },
    });
    const { code, out, err } = await sup(daemon, ["logs", "-f", "web", "--bare", "--grep", "x", "--invocation", "0"]);
    expect({ code, out, err }).toEqual({ code: 0, out: "a\nb\nc\nd\ne\n", err: "" });
    const again = { grep: "x", invocation: "3f2a9c1b", after: "1:20:a", follow: "true", places: "true" };
    expect(daemon.asked.map(({ query }) => query)).toEqual([
      { grep: "x", invocation: "0", follow: "true", places: "true" },
      { ...again, since: line(1, "").time },
      { ...again, since: line(2, "").time },
    ]);
  });

  test("existing lines of several units are merged by time before new lines are printed", async () => {
    await using daemon = new FakeDaemon({
      resolve: () => ({ units: ["web", "db"] }),
      serviceLogs: ({ id }) =>
        id === "web"
          ? stream("application/x-ndjson", ndjson(line(1, "1"), line(4, "4"), { place: "1:1:1" }, line(5, "5"), { over: true }))
          : stream("application/x-ndjson", "\n", "\n", "\n", ndjson(line(2, "2"), line(3, "3"), { place: "1:1:1" }, { over: true })),
    });
    expect((await sup(daemon, ["logs", "-f", "web", "db", "--bare"])).out).toBe("1\n2\n3\n4\n5\n");
  });

  test("an unknown unit exits with 4", async () => {
    await using daemon = new FakeDaemon({ serviceLogs: () => new Failure("no-such-unit", "there is no unit x", "did you mean y?") });
    for (const argv of [
      ["logs", "x"],
      ["logs", "-f", "x"],
    ]) {
      expect(await sup(daemon, argv)).toEqual({ code: 4, out: "", err: "sup: there is no unit x\n  did you mean y?\n" });
    }
  });
});

describe("events -f", () => {
  const sse = (id: number, change: StreamChange): string => `id: ${id}\nevent: ${change.kind}\ndata: ${JSON.stringify(change.data)}\n\n`;
  const snapshot: StreamChange = { kind: "snapshot", data: { daemon: daemonInfo, services: [] } };
  const event = (id: number, given = {}): StreamChange => ({ kind: "event", data: anEvent(id, given) });

  test("prints the history, then new events, each once; resumes with Last-Event-ID after a break", async () => {
    const asked: Array<string | null> = [];
    await using daemon = new FakeDaemon({
      events: () => [anEvent(10), anEvent(11)],
      eventStream: ({ request }) => {
        asked.push(request.headers.get("last-event-id"));
        if (asked.length === 1) return stream("text/event-stream", "retry: 1000\n\n: ping\n\n", sse(100, snapshot), sse(101, event(11)), sse(102, event(12)).slice(0, 30), sse(102, event(12)).slice(30)); // prettier-ignore
        if (asked.length === 2) return stream("text/event-stream", sse(103, event(13, { service_id: "db" })), sse(104, event(14)));
        return over;
      },
    });
    const { code, out, err } = await sup(daemon, ["events", "-f", "web"]);
    expect(out.match(/event \d+/g)).toEqual(["event 10", "event 11", "event 12", "event 14"]);
    expect(asked).toEqual([null, "102", "104"]);
    expect({ code, err }).toEqual({ code: 1, err: "sup: the daemon is ending\n" });
  });

  test("events during a daemon restart are printed once, and earlier events are not repeated", async () => {
    const at = (id: number) => anEvent(id, { service_id: "db" });
    let recorded = [at(10), at(11), anEvent(12)];
    let streams = 0;
    await using daemon = new FakeDaemon({
      resolve: () => ({ units: ["db"] }),
      events: ({ query }) =>
        recorded.filter(({ service_id }) => query.service === undefined || service_id === query.service).slice(-Number(query.limit)),
      eventStream: () => {
        if (++streams === 1) return stream("text/event-stream", sse(100, snapshot));
        if (streams > 2) return over;
        recorded = [...recorded, ...Array.from({ length: 250 }, (_, n) => at(13 + n))];
        return stream("text/event-stream", sse(900, snapshot), ...[262, 263].map((id) => sse(639 + id, { kind: "event", data: at(id) })));
      },
    });
    const { out } = await sup(daemon, ["events", "-f", "db", "-n", "0"]);
    expect([...out.matchAll(/event \d+/g)].map(String)).toEqual(Array.from({ length: 251 }, (_, n) => `event ${13 + n}`));
  });

  test("--type and --json", async () => {
    let calls = 0;
    await using daemon = new FakeDaemon({
      events: () => [],
      eventStream: () =>
        ++calls === 1 ? stream("text/event-stream", sse(1, snapshot), sse(2, event(1)), sse(3, event(2, { event_type: "exited" }))) : over,
    });
    const { out } = await sup(daemon, ["events", "-f", "--type", "exited", "--json"]);
    expect(JSON.parse(out.split("\n")[0]!)).toEqual(anEvent(2, { event_type: "exited" }));
    expect(daemon.asked.findLast(({ name }) => name === "events")?.query).toEqual({ limit: "50", type: "exited" });
  });
});
