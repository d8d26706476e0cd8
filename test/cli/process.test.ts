import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeDaemon, Failure } from "./fake.ts";
import { aService, daemonInfo, services } from "./fixtures.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const shop = {
  status: () => ({ daemon: daemonInfo, services }),
  service: ({ id }: { id: string }) => new Failure("no-such-unit", `there is no unit ${id}`),
};

/** Runs the command line in its own process. */
function spawn(home: string, argv: readonly string[], env: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, MAIN, ...argv], {
    env: { SUP_HOME: home, PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(home: string, argv: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(home, argv, env);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}

/** The output of a command that succeeds. */
async function shown(home: string, argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { out, err, code } = await run(home, argv, env);
  expect({ err, code }).toEqual({ err: "", code: 0 });
  return out;
}

describe("as a process", () => {
  test("the exit code becomes that of the process", async () => {
    await using daemon = new FakeDaemon(shop);
    expect(await run(daemon.home, ["is-active", "nope", "-q"])).toMatchObject({ code: 4 });
    expect(await run(daemon.home, ["version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^sup \d+\.\d+\.\d+\n$/) });
    expect(await run(daemon.home, ["frobnicate"])).toMatchObject({ code: 2, out: "" });
  });

  test("prints no colours into a pipe, unless FORCE_COLOR is set", async () => {
    await using daemon = new FakeDaemon(shop);
    expect(await shown(daemon.home, ["status"])).not.toContain("\x1b");
    expect(await shown(daemon.home, ["status"], { FORCE_COLOR: "1" })).toContain("\x1b[32m");
    expect(await shown(daemon.home, ["help"], { FORCE_COLOR: "1" })).toContain("\x1b[");
    expect(await shown(daemon.home, ["help"], { FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain("\x1b");
  });

  test("a long output goes through a pipe completely", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => aService(`unit-${i}`));
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services: many }) });
    expect(JSON.parse(await shown(daemon.home, ["status", "--json"])).services).toHaveLength(2000);
  });

  test("exits quietly when the reader closes the pipe", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => aService(`unit-${i}`));
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services: many }) });
    const shell = Bun.spawn(["/bin/sh", "-c", '"$@" | head -n 1', "sh", process.execPath, MAIN, "status"], {
      env: { SUP_HOME: daemon.home, PATH: process.env.PATH ?? "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err] = await Promise.all([shell.stdout.text(), shell.stderr.text()]);
    expect(err).toBe("");
    expect(out).toStartWith("sup 0.1.0");
  });

  test("runs an editor with options on this terminal", async () => {
    const home = mkdtempSync(join(tmpdir(), "sup-edit-"));
    try {
      const script = join(home, "editor");
      writeFileSync(script, '#!/bin/sh\n[ "$1" = --fast ] && printf \'{ "command": "/bin/true", "priority": 1 }\' > "$2"\n');
      chmodSync(script, 0o755);
      const units = join(home, "my units");
      await Bun.write(join(units, "web.unit.json"), "{}");
      const { code, out, err } = await run(home, ["edit", "web", "--units", units], { EDITOR: `${script} --fast` });
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain("web.unit.json is valid");
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
