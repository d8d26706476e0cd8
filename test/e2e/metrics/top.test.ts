/** `sup top` on a real terminal. */
import { expect, test } from "bun:test";
import { SUP, startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

/** The terminal's modes, so that a program that leaves them changed is seen. */
const modes = ({ localFlags, inputFlags, outputFlags }: Bun.Terminal): number[] => [localFlags, inputFlags, outputFlags];

class Screen implements AsyncDisposable {
  out = "";
  readonly terminal: Bun.Terminal;
  readonly child: Bun.Subprocess;
  readonly before: number[];

  constructor(daemon: Daemon, { term = "xterm", rows = 24, cols = 100 } = {}) {
    this.terminal = new Bun.Terminal({ rows, cols, data: (_, data) => void (this.out += Buffer.from(data).toString()) });
    this.before = modes(this.terminal);
    this.child = Bun.spawn([SUP, "top"], { env: { ...daemon.env, TERM: term }, terminal: this.terminal });
  }

  /** The picture that was drawn last. */
  get picture(): string {
    return this.out.slice(this.out.lastIndexOf("\x1b[H") + 3);
  }

  shows = (text: string): Promise<boolean> =>
    until(() => this.picture.includes(text), { what: `the screen to show ${text}`, explain: () => JSON.stringify(this.out.slice(-2000)) });

  /** The program ends with 0, and leaves the terminal as it was. */
  async ends(): Promise<void> {
    expect(await this.child.exited).toBe(0);
    await until(() => this.out.trimEnd().endsWith("\x1b[?7h\x1b[?25h\x1b[?1049l"), {
      what: "the end",
      explain: () => JSON.stringify(this.out.slice(-300)),
    });
    expect(modes(this.terminal)).toEqual(this.before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
    this.terminal.close();
  }
}

const start = (): Promise<Daemon> =>
  startDaemon({
    units: Object.fromEntries(["alpha", "beta", "gamma"].map((name) => [name, sleeper({ enabled: true })])),
    settings: { metrics: { interval: 0.5 } },
  });

test("it is live, changes its order by key, and q or Ctrl-C ends it", async () => {
  await using daemon = await start();
  for (const end of ["q", "\x03"]) {
    await using screen = new Screen(daemon);
    await screen.shows("of 3 running");
    for (const order of ["cpu", "memory", "name"]) {
      screen.terminal.write("o");
      await screen.shows(`by ${order}`);
    }
    expect((await daemon.sup("stop", "beta")).code).toBe(0);
    await screen.shows("2 of 3 running");
    screen.terminal.write(end);
    await screen.ends();
    expect((await daemon.sup("start", "beta")).code).toBe(0);
  }
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s leaves no broken terminal behind", async (signal) => {
  await using daemon = await start();
  await using screen = new Screen(daemon);
  await screen.shows("gamma");
  screen.child.kill(signal);
  await screen.ends();
});

test("the daemon ends: it says that it is gone, and leaves the terminal as it was", async () => {
  await using daemon = await start();
  await using screen = new Screen(daemon);
  await screen.shows("gamma");
  await daemon.stop();
  await until(() => screen.child.exitCode !== null || screen.picture.includes("cannot reach the daemon"), {
    what: "it to notice",
    timeoutMs: 15_000,
  });
  screen.terminal.write("q");
  await screen.child.exited;
  expect(screen.out).toContain("\x1b[?25h\x1b[?1049l");
  expect(modes(screen.terminal)).toEqual(screen.before);
});

test("a terminal that cannot draw gets one picture, without a single control sequence", async () => {
  await using daemon = await start();
  await daemon.reaches("gamma", "running");
  await using screen = new Screen(daemon, { term: "dumb" });
  expect(await screen.child.exited).toBe(0);
  await until(() => screen.out.includes("gamma"), { what: "the picture" });
  expect(screen.out).not.toContain("\x1b");
});
