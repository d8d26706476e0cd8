/** The client that a release contains: the example of docs/client.md, run by other runtimes than the one that sup is built with. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeClient } from "../../../scripts/release/client.ts";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { run } from "../../harness/run.ts";
import { crasher, worker } from "../../harness/services.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const example = /```js\n([^]*?)```/.exec(readFileSync(join(ROOT, "docs/client.md"), "utf8"))![1]!;
const RUNTIMES = [["Node.js", Bun.which("node")], ["Bun", join(ROOT, "node_modules/.bin/bun")]] as const; // prettier-ignore

async function runScript(daemon: Daemon, runtime: string, code: string, env: Record<string, string> = {}) {
  await writeClient(daemon.home, "0");
  await Bun.write(join(daemon.home, "script.mjs"), code);
  return run([runtime, "script.mjs"], { env: { ...daemon.env, ...env }, cwd: daemon.home });
}

for (const [name, runtime] of RUNTIMES) {
  test.if(runtime !== null)(`the example runs on ${name}`, async () => {
    const bad = crasher(3, { enabled: true, restart_policy: { max_retries: 0 } });
    await using daemon = await startDaemon({ units: { web: worker({ enabled: true }), bad } });
    await daemon.reaches("web", "running");
    await daemon.reaches("bad", "fatal");
    const { code, stdout, stderr } = await runScript(daemon, runtime!, example);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^bad: .*\nweb: done, .*\nno-such-unit: .*wbe.*did you mean web.*\nweb said: up\nthe first change is a snapshot\n$/,
    );
  });

  test.if(runtime !== null)(`over HTTP with a token, and without a daemon, on ${name}`, async () => {
    await using daemon = await startDaemon({ units: { web: worker() } });
    const { url } = ((await daemon.json("status")) as { daemon: { url: string } }).daemon;
    const token = (await daemon.sup("token")).stdout.trim();
    const script = `import { connect } from "./sup-client.js";
      const say = (promise) => promise.then(({ services }) => console.log(services.map(({ id }) => id).join()), ({ code }) => console.log(code));
      await say(connect().call("status"));
      await say(connect({ token: "wrong" }).call("status"));
      await say(connect({ socket: "/nonexistent" }).call("status"));`;
    const { stdout, stderr } = await runScript(daemon, runtime!, script, { SUP_URL: url, SUP_TOKEN: token });
    expect({ stdout, stderr }).toEqual({ stdout: "web\nunauthorized\nunreachable\n", stderr: "" });
  });
}
