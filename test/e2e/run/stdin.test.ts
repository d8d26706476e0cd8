/** `sup run -f` passes its standard input on to the command. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run, type Ran, type RunOptions } from "../../harness/run.ts";
import { SUP } from "../../harness/daemon.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();

function follow(
  stdin: string | undefined,
  command: readonly string[],
  options: readonly string[] = [],
  more: RunOptions = {},
): Promise<Ran> {
  const { env, home } = shared.daemon;
  return run([SUP, "run", "-f", ...options, "--", ...command], { env, cwd: home, ...(stdin !== undefined && { stdin }), ...more });
}

const fifos = (): string[] => readdirSync(join(shared.daemon.home, "run")).filter((name) => name.startsWith("stdin-"));

test("the command reads the input and its end, and no FIFO is left", async () => {
  expect(await follow("hi\n", ["cat"])).toMatchObject({ code: 0, stdout: "hi\n" });
  expect(await follow("", ["sh", "-c", "read x; exit 3"])).toMatchObject({ code: 3 });
  expect(await follow(undefined, ["sh", "-c", "read x; exit 3"])).toMatchObject({ code: 3 });
  expect(await follow("again\n", ["cat", "/dev/stdin"])).toMatchObject({ code: 0, stdout: "again\n" });
  expect(fifos()).toEqual([]);
});

test("a command that opens its input anew, however late, reads it", async () => {
  // The input has ended long before the command opens it: it waits until all of it was written.
  const late = ["sh", "-c", "until [ -e go ]; do sleep 0.01; done; cat /dev/stdin"];
  const ran = follow("late\n", late, ["--name", "late"]);
  await shared.daemon.reaches("late", "running");
  await Bun.write(join(shared.daemon.home, "go"), "");
  expect(await ran).toMatchObject({ code: 0, stdout: "late\n" });
  expect(await follow("", ["cat", "/dev/stdin"])).toMatchObject({ code: 0, stdout: "" });
});

test("more than a pipe holds arrives byte for byte", async () => {
  const input = Array.from({ length: 60_000 }, (_, i) => `line ${i} äöü\n`).join("");
  const sum = new Bun.CryptoHasher("sha256").update(input).digest("hex");
  expect((await follow(input, ["sha256sum"])).stdout).toBe(`${sum}  -\n`);
});

test("a command that does not read, or has closed its input, delays neither its end nor the daemon", async () => {
  const input = "x".repeat(1 << 20);
  expect(await follow(input, ["true"])).toMatchObject({ code: 0 });
  expect(await follow(input, ["sh", "-c", "exec 0<&-; echo closed"])).toMatchObject({ code: 0, stdout: "closed\n" });
  const ran = follow(input, ["sleep", "1000"], ["--name", "stalled"]);
  await shared.daemon.reaches("stalled", "running");
  expect((await shared.daemon.sup("stop", "stalled")).code).toBe(0);
  expect((await ran).code).toBe(143);
  expect(fifos()).toEqual([]);
});

test("only the first run gets the input; what cannot start leaves no FIFO", async () => {
  const options = ["--restart", "--set", 'restart_policy={"max_retries":1,"retry_delay":0.01}'];
  expect((await follow("once\n", ["sh", "-c", "cat; exit 1"], options)).stdout).toBe("once\n");
  expect((await follow("x\n", ["no-such-command"])).code).toBe(127);
  expect((await follow("x\n", ["true"], ["--name", "a/b"])).stderr).toContain("not a valid unit name");
  await until(() => fifos().length === 0, { what: "the FIFOs to be gone" });
});

test("the API refuses a name that is not that of a private FIFO", async () => {
  const post = (stdin: string): Promise<Response> =>
    shared.daemon.api("/api/supervisor/run", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ unit: { command: "true" }, stdin }),
    });
  expect((await post("../../etc/passwd")).status).toBe(422);
  expect((await post("0".repeat(32))).status).toBe(422);
});

test.if(process.getuid!() === 0)("a command of another user reads it as well", async () => {
  expect((await follow("for 54321\n", ["cat", "/dev/stdin"], ["--user", "54321", "--dir", "/"])).stdout).toBe("for 54321\n");
});
