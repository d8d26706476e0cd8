/** Completion in real shells: the line after pressing TAB. */
import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, SUP } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { sleeper } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon({
  units: { db: sleeper({ groups: ["shop"] }), "web@1": sleeper({ groups: ["shop"] }), "web@2": sleeper(), "o.d-d_1": sleeper() },
});

const START: Readonly<Record<string, readonly string[]>> = {
  bash: ["bash", "--norc", "--noprofile", "-i"],
  zsh: ["zsh", "-f", "-i"],
};
const SETUP: Readonly<Record<string, string>> = {
  bash: "PS1='> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; source <(sup completion bash)",
  zsh: "PS1='> '; unsetopt zle_bracketed_paste prompt_sp; autoload -U compinit && compinit -u -D; source <(sup completion zsh)",
};

/** Types a line with TABs in an interactive shell and returns the completed line, printed by an `echo` in front of it. */
async function typed(shell: string, line: string): Promise<string> {
  const { home, env } = shared.daemon;
  const bin = join(home, "bin");
  Bun.spawnSync(["mkdir", "-p", bin]);
  if (!(await Bun.file(join(bin, "sup")).exists())) symlinkSync(SUP, join(bin, "sup"));
  let screen = "";
  const child = Bun.spawn([...START[shell]!], {
    env: { ...env, PATH: `${bin}:${env.PATH}`, TERM: "dumb", LC_ALL: "C.UTF-8", HISTFILE: "" },
    cwd: home,
    terminal: { cols: 200, rows: 50, data: (_, bytes) => void (screen += Buffer.from(bytes).toString()) },
  });
  const shows = (pattern: RegExp): Promise<RegExpExecArray> =>
    until(() => pattern.exec(screen), { what: `${pattern} on the screen`, explain: () => JSON.stringify(screen) });
  try {
    child.terminal!.write(`${SETUP[shell]!}; echo re''ady\r`);
    await shows(/\nready\r?\n/);
    // Input typed after the TAB waits until the shell has handled the TAB.
    child.terminal!.write(`${line}\u0001echo 'li'ne: \r`);
    return (await shows(/\nline: (.*?)\r?\n/))[1]!;
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    child.terminal!.close();
  }
}

const CASES = [
  ["a command", "sup is-fa\t", "sup is-failed "],
  ["a unit", "sup start d\t", "sup start db "],
  ["an instance: a word with @ in it", "sup start web@2 web@\t", "sup start web@2 web@1 "],
  ["a name with everything that a name may have", "sup start o.d\t", "sup start o.d-d_1 "],
  ["as far as it is clear", "sup start w\t", "sup start web@"],
  ["a group", "sup stop @s\t", "sup stop @shop "],
  ["an option", "sup stop --casc\t", "sup stop --cascade "],
  ["the value of an option", "sup top --sort mem\t", "sup top --sort memory "],
  ["the same after =", "sup top --sort=mem\t", "sup top --sort=memory "],
  ["a file", "sup verify units/d\t", "sup verify units/db.unit.json "],
  ["nothing", "sup version x\t", "sup version x"],
] as const;

const cases = ["bash", "zsh"].flatMap((shell) => CASES.map(([what, line, wanted]) => [shell, what, line, wanted] as const));

test.each(cases.filter(([shell]) => Bun.which(shell) !== null))("%s: %s", async (shell, _, line, wanted) => {
  expect((await typed(shell, line)).trimEnd()).toBe(wanted.trimEnd());
});

test.if(Bun.which("fish") !== null).each([
  ["sup is-", ["is-active", "is-enabled", "is-failed"]],
  ["sup start d", ["db"]],
  ["sup start web@2 web@", ["web@1"]],
  ["sup stop @", ["@shop"]],
  ["sup top --sort=mem", ["--sort=memory"]],
  ["sup verify units/d", ["units/db.unit.json"]],
  ["sup version ", []],
])("fish: %s", async (line, wanted) => {
  const { home, env } = shared.daemon;
  const script = `function sup; ${SUP} $argv; end; ${SUP} completion fish | source; complete -C '${line}'`;
  const child = Bun.spawn(["fish", "--no-config", "-c", script], {
    env: { ...env, TERM: "dumb" },
    cwd: home,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const values = out.split("\n").filter(Boolean).map((text) => text.split("\t")[0]); // prettier-ignore
  expect(new Set(values)).toEqual(new Set(wanted));
  expect(values.length).toBe(wanted.length);
  expect(err).toBe("");
});

test("without a daemon, and with one that hangs, units are completed from their files, quickly and silently", async () => {
  await using daemon = await startDaemon({ units: { db: sleeper(), "web@": sleeper(), "o.d-d_1": sleeper() } });
  const asked = () => run([SUP, "complete"], { env: { ...daemon.env, SUP_WORDS: "start\n\n." }, timeoutMs: 5000 });
  const byFiles = { code: 0, stdout: "db\t\no.d-d_1\t\n", stderr: "" };
  process.kill(daemon.pid, "SIGSTOP");
  expect(await asked()).toEqual(byFiles);
  process.kill(daemon.pid, "SIGCONT");
  await daemon.stop();
  expect(await asked()).toEqual(byFiles);
});

test("completion takes no longer than one command", async () => {
  // The best of several: other programs slow down some rounds, while the command's own cost stays the same.
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10 && best >= 1000; i++) {
    const from = performance.now();
    expect((await shared.daemon.sup("complete")).code).toBe(0);
    best = Math.min(best, performance.now() - from);
  }
  expect(best).toBeLessThan(1000);
});
