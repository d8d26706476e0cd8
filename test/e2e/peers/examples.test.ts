/** The units of units/examples as they are, but for their ports: each serves under root's daemon and under an ordinary user's. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asNobody } from "../../harness/confined.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { run } from "../../harness/run.ts";
import { EXAMPLES, hasNginx, isRoot, postgres, postgresBin, sample } from "./servers.ts";

const INSTALLED: Readonly<Record<string, boolean>> = { nginx: hasNginx, redis: Bun.which("redis-server") !== null, postgres: postgresBin() !== null }; // prettier-ignore
const servers = readdirSync(EXAMPLES).map((file) => file.replace(".unit.json", "")).filter((name) => name !== "backup"); // prettier-ignore
const DAEMONS = isRoot ? ([["root", undefined], ["an ordinary user", asNobody]] as const) : ([["this user", undefined]] as const); // prettier-ignore

for (const [who, bin] of DAEMONS) {
  for (const name of servers) {
    test.skipIf(INSTALLED[name] !== true)(
      `${name} becomes healthy and stops under the daemon of ${who}`,
      async () => {
        await using daemon = await startDaemon(bin === undefined ? {} : { bin });
        const port = freePort();
        const text = name === "postgres" && bin === undefined ? postgres(daemon.home, port) : sample(name, port);
        daemon.writeUnit(name, text);
        await daemon.reaches(name, "stopped");
        const started = await daemon.sup("start", name);
        expect({ code: started.code, log: started.code === 0 ? "" : daemon.log(name) }).toEqual({ code: 0, log: "" });
        expect((await daemon.sup("health", name, "--run")).code).toBe(0);
        expect((await daemon.sup("stop", name)).code).toBe(0);
      },
      120_000,
    );
  }

  test(`backup archives the settings under the daemon of ${who}`, async () => {
    await using daemon = await startDaemon(bin === undefined ? {} : { bin });
    const settings = join(daemon.home, ".config/sup");
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, "sup.json"), "{}");
    for (const path of [join(daemon.home, ".config"), settings]) chmodSync(path, 0o755);
    // The real places are /etc/sup for root, and the home directory that the user database has for nobody.
    daemon.writeUnit(
      "backup",
      readFileSync(join(EXAMPLES, "backup.unit.json"), "utf8").replace("from=/etc;", "from='%h/.config';").replaceAll("%h", daemon.home),
    );
    await daemon.reaches("backup", "stopped");
    expect(await daemon.sup("start", "backup")).toMatchObject({ code: 0 });
    const archive = join(daemon.home, "state/backup/units.tar.gz");
    expect(existsSync(archive)).toBe(true);
    expect((await run(["tar", "-tzf", archive])).stdout).toContain("sup/sup.json");
  });
}
