import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../api/client/client.ts";
import { startTrial } from "../../linux/self/relaunch.ts";
import { statusWithin } from "../requests/status-within.ts";

/**
 * Starts the new executable as a daemon in a temporary home without units, waits for an answer and stops the daemon. A program
 * that fails this test never manages services. Returns null, or the reason of the failure.
 */
export async function runTrial(
  program: string,
  version: string,
  limitMs: number,
  sleep: (ms: number) => Promise<void>,
): Promise<string | null> {
  const home = mkdtempSync(join(tmpdir(), "sup-try-"));
  writeFileSync(join(home, "sup.json"), '{"api": {"enabled": false}}');
  const env = { PATH: process.env.PATH ?? "", HOME: home, SUP_HOME: home };
  const trial = startTrial([program, "daemon"], env, join(home, "output"));
  let code: number | undefined;
  void trial.exited.then((value) => (code = value));
  const client = createClient({ kind: "socket", path: join(home, "run/sup.sock") }, { daemonLives: () => false, sleep });
  try {
    for (let waited = 0; waited < limitMs; waited += STEP_MS) {
      const status = await statusWithin(ANSWER_MS, client, sleep);
      if (status) {
        const is = status.daemon.version;
        if (is !== version) return `its daemon reports version ${is}`;
        await client.call("shutdown");
        await Promise.race([trial.exited, sleep(limitMs)]);
        return code === 0 ? null : "its daemon answers, but does not shut down cleanly";
      }
      if (code !== undefined) return `its daemon exits with ${code} at start: ${trial.output().split("\n").at(-1) || "it prints nothing"}`;
      await sleep(STEP_MS);
    }
    return `its daemon does not answer within ${limitMs / 1000} s`;
  } finally {
    trial.kill();
    await trial.exited;
    rmSync(home, { recursive: true, force: true });
  }
}

const STEP_MS = 20;
const ANSWER_MS = 2000;
