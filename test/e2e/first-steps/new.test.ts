/** `sup new` and `sup init` as a person uses them: beside a running daemon, and on a terminal. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/until.ts";

const fileOf = (daemon: Daemon, name: string): string => join(daemon.home, `units/${name}.unit.json`);

test("a new unit is started by the running daemon, becomes healthy, and survives a crash of it", async () => {
  await using daemon = await startDaemon();
  const port = freePort();
  const made = await daemon.sup("new", "web", "--port", String(port), "--health", "/healthz", "--", "sup", "demo-web", String(port));
  expect(made).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("The daemon starts it now") });
  await daemon.reaches("web", (row) => row.state === "running" && row.health === "healthy");
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("web")).toMatchObject({ state: "running", enabled: true });
  expect((await daemon.sup("new", "web", "--", "true")).code).toBe(1);
});

test("a proposal of `sup init` runs as it is", async () => {
  await using daemon = await startDaemon();
  const shop = join(daemon.home, "shop");
  mkdirSync(join(shop, ".venv/bin"), { recursive: true });
  writeFileSync(join(shop, "requirements.txt"), "\n");
  writeFileSync(join(shop, "main.py"), "");
  writeFileSync(join(shop, ".venv/bin/python"), '#!/bin/sh\necho "running $*"\nexec sleep 1000\n', { mode: 0o755 });
  expect(await daemon.sup("init", "shop", "--yes")).toMatchObject({ code: 0, stdout: expect.stringContaining("sup start shop") });
  await daemon.reaches("shop", "running");
  await until(() => daemon.log("shop").includes("running -u main.py"), { what: "the output of the program" });
});

/** Runs `sup new web` on a terminal, and types an answer whenever a question appears. */
async function typeAnswers(daemon: Daemon, answers: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  let text = "";
  const left = [...answers];
  let questions = 0;
  const child = Bun.spawn([SUP, "new", "web", "--", "sleep", "1000"], {
    env: daemon.env,
    cwd: daemon.home,
    terminal: {
      data(terminal, bytes) {
        text += Buffer.from(bytes).toString();
        const asked = text.split("(Enter for").filter((part) => part.includes("): ")).length;
        if (asked > questions) terminal.write(left.shift() ?? "");
        questions = asked;
      },
    },
  });
  const code = await child.exited;
  return { code, text };
}

test("on a terminal it asks; the answers are in the file", async () => {
  await using daemon = await startDaemon();
  const { code, text } = await typeAnswers(daemon, ["8080\r", "none\r", "\r"]);
  expect(text).toContain("Port that it listens on");
  expect(code).toBe(0);
  const file = readFileSync(fileOf(daemon, "web"), "utf8");
  expect(file).toContain('"port": 8080');
  expect(file).not.toContain("health_check");
  await daemon.reaches("web", "running");
});

test("Ctrl-C at a question ends it, and writes nothing", async () => {
  await using daemon = await startDaemon();
  expect((await typeAnswers(daemon, ["\u0003"])).code).toBe(130);
  expect(existsSync(fileOf(daemon, "web"))).toBe(false);
});
