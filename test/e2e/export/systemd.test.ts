/** Runs exported units in a real systemd, and lets systemd-analyze check them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { exported, load, processOf, type Json } from "../../convert/export/exporting.ts";
import { systemdUnit } from "../../convert/export/units.ts";
import { run } from "../../harness/run.ts";
import { noSandbox, type Sandbox, startSandbox } from "../../harness/sandbox.ts";
import { tempDir } from "../../harness/temp.ts";

const ANALYZE = "/usr/bin/systemd-analyze";
const DUMP = "/usr/local/bin/dump";
const COUNT = 60;

/** Units with special characters in their arguments and variables, always the same. */
const UNITS: readonly Json[] = fc.sample(systemdUnit, { numRuns: COUNT, seed: 18 });

describe.skipIf(noSandbox !== null)("a process of systemd gets what the unit says", () => {
  let sandbox: Sandbox;
  const jobs = Object.fromEntries(
    UNITS.map(({ args, environment, environment_files: files }, index) => [
      `case${index}`,
      {
        type: "oneshot",
        command: DUMP,
        args: ["first", ...(args as string[])],
        environment: (files as unknown[]).length > 0 ? {} : environment,
      },
    ]),
  );
  beforeAll(async () => {
    sandbox = await startSandbox();
    await sandbox.write(DUMP, `#!/bin/sh\nprintf '%s\\0' "$@" | base64 -w0\necho\nenv -0 | base64 -w0\n`);
    await sandbox.must(["chmod", "755", DUMP]);
    for (const { name, text } of exported("systemd", jobs).files)
      await sandbox.write(`/etc/systemd/system/${name}`, text.replace("[Service]\n", `[Service]\nStandardOutput=file:/run/${name}.out\n`));
    await sandbox.must(["systemctl", "daemon-reload"]);
    await sandbox.must(["systemctl", "start", ...Object.keys(jobs).map((id) => `${id}.service`)]);
  });
  afterAll(async () => await sandbox[Symbol.asyncDispose]());

  test.each(Object.keys(jobs))("%s", async (id) => {
    const [argv = "", env = ""] = (await sandbox.read(`/run/${id}.service.out`))
      .split("\n")
      .map((line) => Buffer.from(line, "base64").toString());
    const variables = Object.fromEntries(
      env.split("\0").map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
    );
    const ours = processOf(load(jobs).loaded.get(id)!.spec);
    expect(argv.split("\0").slice(0, -1)).toEqual(ours.argv.slice(1));
    expect(variables).toMatchObject(ours.environment);
  });
});

const ANALYZED: Readonly<Record<string, Json>> = {
  db: { command: "/bin/true" },
  many: { command: "/bin/true", instances: 3, port: 8080 },
  ...Object.fromEntries(
    UNITS.map((json, index) => [
      `web${index}`,
      {
        ...json,
        command: "/bin/true",
        pre_start: [],
        post_stop: [],
        reload: undefined,
        conditions: (json.conditions as Json[]).map(onlyTrue),
      },
    ]),
  ),
};

/** systemd-analyze complains about programs that do not exist. */
function onlyTrue(condition: Json): Json {
  return condition.command === undefined ? condition : { ...condition, command: "/bin/true" };
}

test.skipIf(!existsSync(ANALYZE))("systemd-analyze finds nothing to complain about", async () => {
  const { files, problems } = exported("systemd", ANALYZED);
  expect(problems).toEqual([]);
  expect(await complaints(files)).toEqual([]);
});

test.skipIf(!existsSync(ANALYZE))("systemd-analyze accepts the sections of a quadlet that Podman passes on", async () => {
  const { files, problems } = exported("quadlet", ANALYZED, { image: "registry.example/web:1" });
  expect(problems).toEqual([]);
  // Podman replaces the section [Container] with the command that starts the container.
  const generated = files.map(({ name, text }) => ({
    name: name.replace(/\.container$/, ".service"),
    text: text.replace(/^\[Container\]\n(?:(?!\[).*\n)*/m, "").replace(/^\[Service\]\n/m, "[Service]\nExecStart=/bin/true\n"),
  }));
  expect(await complaints(generated)).toEqual([]);
});

async function complaints(files: ReadonlyArray<{ readonly name: string; readonly text: string }>): Promise<string[]> {
  using directory = tempDir();
  for (const { name, text } of files) {
    mkdirSync(dirname(join(directory.path, name)), { recursive: true });
    writeFileSync(join(directory.path, name), text);
  }
  const names = files.map(({ name }) => name).filter((name) => /^[^/@]+\.(service|socket|timer|target)$/.test(name));
  const checked = await run([ANALYZE, "verify", "--man=no", ...names.map((name) => join(directory.path, name))], {
    env: { SYSTEMD_UNIT_PATH: `${directory.path}:`, PATH: "/usr/bin:/bin" },
  });
  // systemd 252 does not know the keys of 254.
  return checked.stderr
    .split("\n")
    .filter((line) => line !== "" && line.includes(directory.path) && !/RestartSteps|RestartMaxDelaySec/.test(line));
}
