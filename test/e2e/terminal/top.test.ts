/** The full screen of `sup top` in a real terminal. */
import { expect, test } from "bun:test";
import { startDaemon, SUP, type Daemon } from "../../harness/daemon.ts";
import { hasTmux, Tmux } from "../../harness/tmux.ts";

const units = {
  web: { command: "sh", args: ["-c", "i=0; while :; do i=$((i+1)); echo request $i; sleep 0.1; done"], enabled: true },
  worker: { command: "sleep", args: ["1000"], instances: 2, enabled: true },
  broken: { command: "sh", args: ["-c", "echo missing BILLING_KEY >&2; exit 78"], auto_restart: false, enabled: true },
};

async function open(daemon: Daemon, columns: number, rows: number) {
  await daemon.reaches("web", "running");
  await daemon.reaches("broken", "failed");
  const tmux = await Tmux.open(columns, rows, daemon.env);
  const before = await tmux.state();
  await tmux.start(`${SUP} top`);
  await tmux.see("missing BILLING_KEY");
  return { tmux, before };
}

test.if(hasTmux)("80×24: what is wrong is first, with its log; keys change the view and act; q restores the terminal", async () => {
  await using daemon = await startDaemon({ units });
  const { tmux, before } = await open(daemon, 80, 24);
  await using _ = tmux;
  const rows = await tmux.see("Failed: exit code 78");
  expect(rows).toHaveLength(24);
  expect(rows[0]).toContain("1 in trouble");
  expect(rows[2]).toMatch(/^>× broken +failed/);
  expect(rows[23]).toContain("q quit");
  expect(Math.max(...rows.map((row) => Bun.stringWidth(row)))).toBeLessThanOrEqual(80);
  await tmux.press("w");
  await tmux.see("What happened");
  await tmux.press("e");
  await tmux.see(/│ \d\d:\d\d:\d\d failed/);
  await tmux.press("/", "w", "e", "b", "Enter", "l");
  await tmux.see(/request \d+/);
  await tmux.press("x");
  await tmux.see("Stop web?");
  await tmux.press("y");
  await tmux.see(/^>○ web +stopped/m);
  await tmux.press("s");
  await tmux.see(/^>● web +running/m);
  await tmux.press("?");
  await tmux.see("Any key returns.");
  await tmux.press("x", "q");
  await tmux.see("code=0");
  expect(await tmux.state()).toEqual(before);
});

test.if(hasTmux)("200×60 shows more columns; every size is drawn anew, down to a very small one", async () => {
  await using daemon = await startDaemon({ units });
  const { tmux } = await open(daemon, 200, 60);
  await using _ = tmux;
  expect((await tmux.see("UPTIME"))[1]).toMatch(/UNIT +STATE +HEALTH +CPU +MEM +RST +UPTIME │/);
  await tmux.resize(60, 20);
  await tmux.see(/^ {3}UNIT +STATE[^│]*$/m);
  await tmux.resize(20, 5);
  await tmux.see(/^>× broken/m);
  await tmux.resize(80, 24);
  const rows = await tmux.see("q quit");
  expect([rows.length, rows.filter((row) => row.includes("UNIT")).length]).toEqual([24, 1]);
  await tmux.press("C-c");
  await tmux.see("code=0");
});

test.if(hasTmux)(
  "SIGKILL of the daemon: a message, the old data, and the next daemon is found; SIGTERM restores the terminal",
  async () => {
    await using daemon = await startDaemon({ units });
    const { tmux, before } = await open(daemon, 80, 24);
    await using _ = tmux;
    await daemon.crash();
    const rows = await tmux.see("cannot reach the daemon");
    expect(rows[2]).toContain("broken");
    await daemon.start();
    await tmux.see("1 in trouble");
    await tmux.press("Down");
    await tmux.see(/request \d+/);
    await tmux.terminate("top");
    await tmux.see("code=0");
    expect(await tmux.state()).toEqual(before);
  },
);

test("without a terminal it prints the table once", async () => {
  await using daemon = await startDaemon({ units });
  await daemon.reaches("web", "running");
  const { code, stdout } = await daemon.sup("top");
  expect([code, stdout.includes("\x1b"), stdout.includes("UPTIME")]).toEqual([0, false, true]);
});
