import { describe, expect, test } from "bun:test";
import { FakeDaemon, Failure, sup } from "./fake.ts";
import { aService, detailOf } from "./fixtures.ts";

const encode = (text: string): string => Buffer.from(text).toString("base64");

/** A terminal whose messages the test sends, as the daemon would. */
class Terminal {
  #control!: ReadableStreamDefaultController;

  response(...messages: object[]): Response {
    const start = (control: ReadableStreamDefaultController): void => {
      this.#control = control;
      for (const message of messages) this.send(message);
    };
    return new Response(new ReadableStream({ start }), { headers: { "content-type": "application/x-ndjson" } });
  }

  send(message: object): void {
    this.#control.enqueue(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }

  close(): void {
    this.#control.close();
  }
}

const TYPES = { session: "s1", types: true, typist: "ann" };
const SIZE = { columns: 100, rows: 30 };

function onTerminal() {
  const acts: string[] = [];
  let type: (text: string) => void = () => {};
  let resize: () => void = () => {};
  const host = {
    isTerminal: () => true,
    columns: () => SIZE.columns,
    rows: () => SIZE.rows,
    terminalName: () => "pts/3",
    rawInput: async (onBytes: (bytes: Uint8Array) => void) => {
      type = (text) => onBytes(Buffer.from(text));
      acts.push("raw");
      return () => void acts.push("restored");
    },
    onResize: (callback: () => void) => ((resize = callback), () => {}),
  };
  return { acts, host, type: (text: string) => type(text), resize: () => resize() };
}

describe("sup attach", () => {
  test("shows the output, passes keys and the size on, and detaches by Ctrl-P Ctrl-Q", async () => {
    const terminal = new Terminal();
    const here = onTerminal();
    const attachInput = ({ body }: { body: Readonly<Record<string, unknown>> }) => {
      if (body.data === encode("1+1\r")) terminal.send({ output: encode("2\r\n") });
      return { typed: true };
    };
    await using daemon = new FakeDaemon({ attach: () => terminal.response(TYPES, { output: encode("\x1b[?1049h>>> ") }), attachInput });
    let typed = 0;
    const onOut = (out: string): void => {
      if (typed === 0 && out.includes(">>> ")) {
        typed = 1;
        here.type("1+1\r");
      }
      if (typed === 1 && out.includes("2\r\n")) {
        typed = 2;
        here.resize();
        here.type("\x10\x11");
      }
    };
    const { code, out, err } = await sup(daemon, ["attach", "shell.unit.json"], { host: here.host, onOut });
    expect([code, here.acts[0], here.acts.at(-1)]).toEqual([0, "raw", "restored"]);
    expect(out).toContain("\x1b[?1049h>>> 2\r\n");
    expect(out).toEndWith("\x1b[0m\x1b>\x1b[?1049l");
    expect(err).toContain("detached from shell, which keeps running");
    const [first, ...rest] = daemon.asked.map(({ name, id, body }) => ({ name, id, body }));
    expect(first).toEqual({ name: "attach", id: "shell", body: { name: "ann on pts/3", watch: false, take: false, ...SIZE } });
    expect(rest.filter(({ body }) => "data" in body).map(({ body }) => body)).toEqual([{ session: "s1", data: encode("1+1\r") }]);
    expect(rest.filter(({ body }) => "columns" in body).at(-1)!.body).toEqual({ session: "s1", ...SIZE });
  });

  test("the end of the run is printed, with the state of the unit", async () => {
    const terminal = new Terminal();
    const here = onTerminal();
    const service = () => detailOf(aService("shell", { state: "backoff", exit_code: 3 }));
    await using daemon = new FakeDaemon({
      attach: () => terminal.response(TYPES, { ended: true }),
      attachInput: () => ({ typed: true }),
      service,
    });
    const { code, err } = await sup(daemon, ["attach", "shell"], { host: here.host });
    expect(code).toBe(0);
    expect(err).toContain("the run of shell has ended; it is backoff, exit code 3");
    expect(here.acts).toContain("restored");
  });

  test("prints who types, and rings the bell for a key of a client that only looks", async () => {
    const terminal = new Terminal();
    const here = onTerminal();
    const first = { session: "s1", types: false, typist: "bob on pts/1" };
    await using daemon = new FakeDaemon({
      attach: () => terminal.response(first, { output: encode("x") }),
      attachInput: () => ({ typed: true }),
    });
    const onOut = (out: string): void => {
      if (!out.endsWith("x")) return;
      here.type("a");
      terminal.send(TYPES);
      terminal.send({ ended: true });
    };
    const { err } = await sup(daemon, ["attach", "shell"], { host: here.host, onOut });
    expect(err).toContain("bob on pts/1 types here, and you only look; `sup attach --take shell` types instead");
    expect(err).toContain("\x07");
    expect(err).toContain("you type now");
  });

  test("it attaches again after the daemon was restarted", async () => {
    const terminals = [new Terminal(), new Terminal()];
    const here = onTerminal();
    let attached = 0;
    const attach = () => terminals[attached++]!.response({ ...TYPES, session: `s${attached}` }, { output: encode(`daemon ${attached}`) });
    await using daemon = new FakeDaemon({ attach, attachInput: () => ({ typed: true }) });
    const onOut = (out: string): void => {
      if (out.endsWith("daemon 1")) terminals[0]!.close();
      if (out.endsWith("daemon 2")) terminals[1]!.send({ ended: true });
    };
    const { code } = await sup(daemon, ["attach", "shell"], { host: here.host, onOut });
    expect([code, attached]).toEqual([0, 2]);
    const takes = daemon.asked.filter(({ name }) => name === "attach").map(({ body }) => body.take);
    expect(takes).toEqual([false, true]); // it has typed, and goes on typing even if another client is faster
  });

  test("without a terminal it says what to use; --no-tty only looks", async () => {
    const terminal = new Terminal();
    await using daemon = new FakeDaemon({ attach: () => terminal.response(TYPES, { output: encode("hello\r\n") }, { ended: true }) });
    const refused = await sup(daemon, ["attach", "shell"]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("standard input and output must be a terminal");
    expect(refused.err).toContain("sup attach --no-tty shell");
    expect(daemon.asked).toEqual([]);
    const watched = await sup(daemon, ["attach", "--no-tty", "shell"]);
    expect(watched).toMatchObject({ code: 0, out: "hello\r\n" });
    expect(daemon.asked[0]!.body).toMatchObject({ watch: true });
  });

  test("an error of the daemon is printed, and the terminal is restored", async () => {
    const here = onTerminal();
    await using daemon = new FakeDaemon({ attach: () => new Failure("conflict", "web has no terminal", 'set "tty": true') });
    const { code, err } = await sup(daemon, ["attach", "web"], { host: here.host });
    expect([code, here.acts.at(-1)]).toEqual([1, "restored"]);
    expect(err).toContain("web has no terminal");
  });
});

describe("sup run --tty", () => {
  test("runs the command on this terminal, and exits with its exit code", async () => {
    const terminal = new Terminal();
    const here = onTerminal();
    const end = { id: "run-1", state: "failed", reason: "exit-code", exit_code: 7, message: "exit code 7" };
    await using daemon = new FakeDaemon({
      run: () => terminal.response({ id: "run-1" }, TYPES, { output: encode("hi\r\n") }, { ended: true }, { end }),
      attachInput: () => ({ typed: true }),
    });
    const { code, out } = await sup(daemon, ["run", "-t", "--", "python3", "-q"], { host: here.host, env: { TERM: "tmux-256color" } });
    expect(code).toBe(7);
    expect(out).toContain("hi\r\n");
    expect(here.acts).toContain("restored");
    expect(daemon.asked[0]!.body).toMatchObject({
      unit: { command: "python3", args: ["-q"], tty: true, environment: { TERM: "tmux-256color" } },
      ...{ follow: true, attach: { name: "ann on pts/3", ...SIZE } },
    });
  });

  test("needs a terminal, and does not go together with --follow and --json", async () => {
    await using daemon = new FakeDaemon({});
    expect(await sup(daemon, ["run", "-t", "--", "sh"])).toMatchObject({ code: 2, err: expect.stringContaining("must be a terminal") });
    expect(await sup(daemon, ["run", "-t", "-f", "--", "sh"])).toMatchObject({ code: 2, err: expect.stringContaining("--follow") });
    expect(await sup(daemon, ["run", "-t", "--json", "--", "sh"])).toMatchObject({ code: 2, out: expect.stringContaining("--json") });
    expect(daemon.asked).toEqual([]);
  });
});
