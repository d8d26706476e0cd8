/** `sup attach` and `sup run -t` with programs that want a terminal, in a real terminal. */
import { expect, test } from "bun:test";
import { startDaemon, SUP } from "../../harness/daemon.ts";
import { hasTmux, Tmux } from "../../harness/tmux.ts";
import { until } from "../../harness/until.ts";

const python = { command: "python3", args: ["-q"], tty: true, enabled: true };
/** Waits for the end of the command in the terminal, whose exit code the shell prints. */
const ended = (tmux: Tmux, code: number): Promise<string[]> => tmux.see(new RegExp(`^code=${code}$`, "m"));

test.if(hasTmux)(
  "python: two clients look, one types; it survives a crash and a re-exec of the daemon; detached, the terminal is as before",
  async () => {
    await using daemon = await startDaemon({ units: { py: python } });
    await daemon.reaches("py", "running");
    await using one = await Tmux.open(80, 24, daemon.env);
    await using two = await Tmux.open(100, 30, daemon.env);
    const before = await one.state();
    await one.start(`${SUP} attach py`);
    await one.see(">>>");
    await one.type("import os; 6 * 7, os.get_terminal_size()");
    await one.see("(42, os.terminal_size(columns=80, lines=24))");
    await two.start(`${SUP} attach py`);
    await two.see(/ on pts\/\d+ types here, and you only look/);
    await one.type("'both ' + 'see it'");
    await two.see("'both see it'");
    await one.resize(90, 30);
    await until(
      async () => {
        await one.type("os.get_terminal_size()");
        return (await one.screen()).join("\n").includes("columns=90, lines=30");
      },
      { what: "the new size" },
    );
    await daemon.crash();
    await one.see("the daemon is gone");
    await daemon.start();
    await until(async () => (await one.type("'after ' + 'the crash'"), (await one.screen()).join("\n").includes("'after the crash'")), {
      what: "the next daemon to pass keys on",
    });
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    await until(async () => (await one.type("'after ' + 'the re-exec'"), (await one.screen()).join("\n").includes("'after the re-exec'")), {
      what: "the re-executed daemon to pass keys on",
    });
    await one.press("C-p", "C-q");
    await ended(one, 0);
    expect(await one.state()).toEqual(before);
    await two.type("1000 + 1");
    await two.see(/^1001$/m);
    await two.type("exit(3)");
    await two.see("the run of py has ended");
    await ended(two, 0);
    expect(daemon.log("py")).toMatch(/ stdout F 1001\r?$/m);
  },
);

test.if(hasTmux && Bun.which("vim.tiny") !== null)(
  "vim: run -t edits a file, its screen comes and goes, and its exit code is that of sup",
  async () => {
    await using daemon = await startDaemon();
    await using tmux = await Tmux.open(80, 24, daemon.env);
    const before = await tmux.state();
    await tmux.start(`${SUP} run -t --name editor -- vim.tiny -u NONE -c 'set nocp' ${daemon.home}/note`);
    await until(async () => (await tmux.state()).alternate === "1", { what: "vim's screen" });
    await tmux.see(/^~$/m);
    await tmux.press("i");
    await tmux.type("written in vim");
    await tmux.press("Escape");
    await tmux.resize(60, 15);
    await tmux.see("written in vim");
    await tmux.type(":wq");
    await ended(tmux, 0);
    expect(await tmux.state()).toEqual(before);
    expect(await Bun.file(`${daemon.home}/note`).text()).toBe("written in vim\n\n");
    await tmux.start(`${SUP} run -t -- sh -c 'exit 7'`);
    await ended(tmux, 7);
  },
);

test.if(hasTmux && Bun.which("less") !== null)("less: left while it runs, and found again", async () => {
  await using daemon = await startDaemon();
  await using tmux = await Tmux.open(80, 24, daemon.env);
  const before = await tmux.state();
  await Bun.write(`${daemon.home}/lines`, Array.from({ length: 500 }, (_, i) => `line ${i + 1}\n`).join(""));
  await tmux.start(`${SUP} run -t --name pager -- less ${daemon.home}/lines`);
  await tmux.see("line 23");
  await tmux.press("G");
  await tmux.see("line 500");
  await tmux.press("C-p", "C-q");
  await ended(tmux, 0);
  expect(await tmux.state()).toEqual(before);
  await tmux.start(`${SUP} attach pager`);
  await tmux.see("line 500"); // it draws its screen again
  await tmux.press("g");
  await tmux.see(/^line 1$/m);
  await tmux.press("q");
  await tmux.see("the run of pager has ended");
  await ended(tmux, 0);
});

test.if(hasTmux)("SIGTERM of the client and the end of the daemon restore the terminal", async () => {
  await using daemon = await startDaemon({ units: { py: python } });
  await using tmux = await Tmux.open(80, 24, daemon.env);
  const before = await tmux.state();
  for (const end of [() => tmux.terminate("attach"), () => daemon.sup("stop", "py")]) {
    await tmux.start(`${SUP} attach py`);
    await tmux.see(">>>");
    await end();
    await ended(tmux, 0);
    expect(await tmux.state()).toEqual(before);
  }
});

test("a unit without a terminal, and one that is down, say what to do", async () => {
  await using daemon = await startDaemon({
    units: { plain: { command: "sleep", args: ["1000"], enabled: true }, py: { ...python, enabled: false } },
  });
  const plain = await daemon.sup("attach", "--no-tty", "plain");
  expect([plain.code, plain.stderr]).toEqual([
    1,
    `sup: plain has no terminal\n  set "tty": true in its file, then run \`sup reload\`; \`sup logs -f plain\` shows its output\n`,
  ]);
  const down = await daemon.sup("attach", "--no-tty", "py");
  expect([down.code, down.stderr]).toEqual([1, "sup: py has no terminal at present: it is stopped\n  start it with `sup start py`\n"]);
});
