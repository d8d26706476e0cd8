/** Compares the arguments and the environment of imported units with what a real systemd gives to the same services. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { completeUnit } from "../../../src/convert/import/print-unit.ts";
import { expandText } from "../../../src/spec/load/specifiers.ts";
import { importFiles, unitOf } from "../../convert/files.ts";
import { run } from "../../harness/run.ts";
import { noSandbox, type Sandbox, startSandbox } from "../../harness/sandbox.ts";

const DUMP = "/usr/local/bin/dump";
const FILE = "FROM_FILE=-a -b\nMODE=fast\n";

/** Lines of `[Service]`. Each case dumps its arguments and its variables whose names start with X_. */
const CASES: ReadonlyArray<readonly [title: string, lines: readonly string[]]> = [
  ["quotes", [`ExecStart=${DUMP} a "b c" 'd e' f"g h"i "" x`]],
  ["escapes", [`ExecStart=${DUMP} a\\x41 "b\\"c" d\\te \\101 'f\\'g' h\\\\i j\\sk`]],
  ["dollars and percents", [`ExecStart=${DUMP} $$HOME 50%% a$b ${"${X_A}"} x${"${X_A}"}y ${"${X_NONE}"}.`, "Environment=X_A=1"]],
  ["a variable of several words", [`ExecStart=${DUMP} $X_A ${"${X_A}"} $X_NONE z`, "Environment='X_A=one two  three'"]],
  ["quotes in a variable", [`ExecStart=${DUMP} $X_A`, `Environment="X_A='one two' three"`]],
  ["variables of a file", [`ExecStart=${DUMP} $FROM_FILE --mode ${"${MODE}"} "x y" *`, "EnvironmentFile=/etc/x.env"]],
  ["a file overrides", [`ExecStart=${DUMP} ${"${MODE}"}`, "EnvironmentFile=/etc/x.env", "Environment=MODE=slow"]],
  ["no expansion", [`ExecStart=:${DUMP} $HOME ${"${HOME}"} $$`]],
  ["specifiers", [`ExecStart=${DUMP} %n %N %p %t %S %C %L %E %T %V %h %%`, "Environment=X_N=%n"]],
  ["environment", [`ExecStart=${DUMP} x`, `Environment="X_A=a b" X_B='c"d' X_C=e\\x20f X_D=$HOME X_E=g%%h`, "Environment=X_F= X_A=later"]],
  [
    "an empty assignment",
    [`ExecStart=/bin/false`, "ExecStart=", `ExecStart=${DUMP} y`, "Environment=X_A=1", "Environment=", "Environment=X_B=2"],
  ],
  ["continuation", [`ExecStart=${DUMP} a \\`, "# comment", "  b \\", "; comment", " c"]],
  ["argv[0]", [`ExecStart=@${DUMP} other a b`]],
  ["a semicolon", [`ExecStart=${DUMP} a \\; b;c`]],
];

const fileOf = (lines: readonly string[]): string => `[Service]\nType=oneshot\n${lines.join("\n")}\n`;

describe.skipIf(noSandbox !== null)("equal to systemd", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
    await sandbox.write(DUMP, `#!/bin/sh\nprintf '%s\\0' "$@" | base64 -w0\necho\nenv -0 | base64 -w0\n`);
    await sandbox.must(["chmod", "755", DUMP]);
    await sandbox.write("/etc/x.env", FILE);
    for (const [index, [, lines]] of CASES.entries())
      await sandbox.write(`/etc/systemd/system/case${index}.service`, fileOf([...lines, `StandardOutput=file:/run/case${index}.out`]));
    await sandbox.must(["systemctl", "daemon-reload"]);
  });
  afterAll(async () => await sandbox[Symbol.asyncDispose]());

  test.each(CASES.map(([title, lines], index) => ({ title, lines, index })))("$title", async ({ lines, index }) => {
    await sandbox.must(["systemctl", "start", `case${index}.service`]);
    const [argv = "", env = ""] = (await sandbox.read(`/run/case${index}.out`))
      .split("\n")
      .map((line) => Buffer.from(line, "base64").toString());
    const theirs = { argv: argv.split("\0").slice(0, -1), env: ownVariables(env.split("\0")) };
    const imported = importFiles({ [`/etc/systemd/system/case${index}.service`]: fileOf(lines) });
    expect(await started(completeUnit(unitOf(imported, `case${index}`), null), `case${index}`)).toEqual(theirs);
  });
});

test.skipIf(noSandbox !== null)("the commands of every service of this machine's packages are those that systemd sees", async () => {
  await using sandbox = await startSandbox();
  const listed = await sandbox.must(["systemctl", "list-unit-files", "--type=service", "--no-legend", "--plain"]);
  const names = listed
    .split("\n")
    .map((line) => line.split(" ")[0]!)
    .filter((name) => /^[^@]+\.service$/.test(name));
  const shown = await sandbox.must(["systemctl", "show", "--property=Id,FragmentPath,ExecStart", ...names]);
  const files: Record<string, string> = {};
  const commands = new Map<string, string>();
  for (const unit of shown.split("\n\n")) {
    const path = /^FragmentPath=(.+)$/m.exec(unit)?.[1];
    const argv = [...unit.matchAll(/^ExecStart=\{ path=\S+ ; argv\[\]=(.*?) ; ignore_errors/gm)].at(-1)?.[1];
    // A variable is shown as such, and the import may know its value.
    if (
      path === undefined ||
      argv === undefined ||
      argv.includes("$") ||
      (!path.startsWith("/lib/systemd") && !path.startsWith("/usr/lib/systemd"))
    )
      continue;
    files[path] = await sandbox.read(path);
    commands.set(path, argv);
  }
  expect(commands.size).toBeGreaterThan(20);
  const imported = importFiles(files);
  const differences: unknown[] = [];
  for (const [path, argv] of commands) {
    const unit = imported.units.find(({ origin }) => origin === path);
    const words = unit === undefined ? [] : [unit.json.command, ...((unit.json.args ?? []) as string[])];
    const ours = words
      .map((word) => expandText(word as string, {}, { ...SPECIFIERS, n: unit!.name }))
      .map((each) => (each.ok ? each.value : each.error));
    // systemd quotes words with special characters when it shows them.
    const plain = (text: string): string => text.replaceAll(/["'\\]/g, "");
    if (plain(ours.join(" ")) !== plain(argv)) differences.push({ path, ours: ours.join(" "), theirs: argv });
  }
  expect(differences).toEqual([]);
});

const ownVariables = (list: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    list.filter((each) => each.startsWith("X_")).map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
  );

const SPECIFIERS = { n: "", i: "", h: `/${"root"}`, S: "/", L: "/", t: "/" };

/** The arguments and variables that a unit's process gets. */
async function started(json: Record<string, unknown>, id: string): Promise<unknown> {
  const env: Record<string, string> = { HOME: `/${"root"}` };
  if (json.environment_files !== undefined) Object.assign(env, { FROM_FILE: "-a -b", MODE: "fast" });
  const text = (value: unknown, variables = true): string => {
    const expanded = expandText(value as string, env, { ...SPECIFIERS, n: id }, { variables });
    if (!expanded.ok) throw new Error(expanded.error);
    return expanded.value;
  };
  for (const [name, value] of Object.entries((json.environment ?? {}) as object)) env[name] = text(value);
  const own = ownVariables(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  if (json.shell !== true) return { argv: ((json.args ?? []) as string[]).map((word) => text(word)), env: own };
  const line = text(json.command, false).replace(DUMP, "printf '%s\\0'");
  const { stdout } = await run(["/bin/sh", "-c", line.replace("exec printf", "printf")], { env });
  return { argv: stdout.split("\0").slice(0, -1), env: own };
}
