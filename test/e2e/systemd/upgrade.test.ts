/** install.sh and `sup upgrade` where systemd runs the daemon: of the system, and of a user with lingering. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SUP } from "../../harness/daemon.ts";
import type { Ran } from "../../harness/run.ts";
import { type Account, noSandbox, startSandbox } from "../../harness/sandbox.ts";
import { until } from "../../harness/until.ts";
import { release, writeFiles } from "../install/releases.ts";
import { build, failing } from "../upgrade/builds.ts";

const withSystemd = describe.if(noSandbox === null);
const NEW = "98.0.0";
const UNIT = JSON.stringify({ enabled: true, command: "sleep", args: ["1000"] });

/** Releases as directories, which the sandbox sees: it has no network. /tmp is another there. */
let place = "";
const at = (name: string): string => join(place, name);

beforeAll(async () => {
  if (noSandbox !== null) return;
  place = mkdtempSync("/var/tmp/sup-releases-");
  chmodSync(place, 0o755);
  const real = await build(place, NEW);
  writeFiles(at("old"), release("old", readFileSync(SUP)));
  writeFiles(at("new"), release(NEW, readFileSync(real)));
  mkdirSync(at("dies"));
  writeFiles(at("dies"), release(NEW, failing(real, NEW, "exit 3")));
  writeFiles(at("hangs"), release(NEW, failing(real, NEW, "exec sleep 1000")));
}, 120_000);
afterAll(() => void (place !== "" && rmSync(place, { recursive: true, force: true })));

type Daemon = { readonly version: string; readonly pid: number };

withSystemd.each([["the system", false], ["a user", true]] as const)("the service of %s", (_, isUser) => {
  test("installed by the script, upgraded, kept from bad releases, uninstalled by the script; services go on until then", async () => {
    await using box = await startSandbox();
    await box.must(["rm", "/usr/local/bin/sup"]);
    const ann: Account | null = isUser ? await box.addUser("ann") : null;
    const program = ann === null ? "/usr/local/bin/sup" : "/home/ann/.local/bin/sup";
    const as = (...command: string[]): Promise<Ran> => (ann === null ? box.root(command) : box.as(ann, command));
    const sup = (...args: string[]): Promise<Ran> => as(program, ...args);
    const systemctl = (...args: string[]): Promise<Ran> => as("systemctl", ...(ann === null ? [] : ["--user"]), ...args);
    const script = (from: string, ...args: string[]): Promise<Ran> =>
      as("/bin/sh", "-c", `cat '${at(from)}/install.sh' | SUP_BASE_URL='${at(from)}' sh -s -- "$@"`, "sh", ...args);
    const upgrade = (from: string, ...args: string[]): Promise<Ran> => as("env", `SUP_BASE_URL=${at(from)}`, program, "upgrade", ...args);
    const daemon = async (): Promise<Daemon> => JSON.parse((await sup("daemon", "status", "--json")).stdout) as Daemon;
    const pid = async (): Promise<number> => (JSON.parse((await sup("status", "web", "--json")).stdout) as { pid: number }).pid;

    await box.write(ann === null ? "/etc/sup/units/web.unit.json" : "/home/ann/.config/sup/units/web.unit.json", UNIT, ann ?? undefined);
    for (let i = 0; i < 2; i++) expect(await script("old", "--service")).toMatchObject({ code: 0 });
    expect((await systemctl("is-active", "sup")).stdout).toBe("active\n");
    await until(async () => (await sup("is-active", "web")).code === 0, { what: "web to run" });
    const web = await pid();
    const first = await daemon();

    for (const [from, words] of [["dies", "the daemon ended while starting"], ["hangs", "the daemon did not answer within 6 s"]] as const) {
      const { code, stderr } = await upgrade(from, "--timeout", "6");
      expect(stderr).toContain(`was undone: ${words}`);
      expect(code).toBe(1);
      expect(await daemon()).toMatchObject({ version: first.version });
      expect(await pid()).toBe(web);
      expect((await systemctl("show", "sup", "--property=MainPID", "--value")).stdout.trim()).toBe(String((await daemon()).pid));
    }

    const { pid: main } = await daemon();
    expect(await upgrade("new")).toMatchObject({ code: 0, stdout: expect.stringContaining("was restarted, 1 service kept running") });
    expect(await daemon()).toMatchObject({ version: NEW, pid: main });
    expect(await pid()).toBe(web);
    expect((await systemctl("is-active", "sup")).stdout).toBe("active\n");

    const removed = await script("old", "--uninstall");
    expect(removed.stdout).toContain(`removed ${program}; units, logs and state were kept`);
    expect(removed.code).toBe(0);
    expect((await box.root(["kill", "-0", String(web)])).code).not.toBe(0);
    expect((await box.root(["test", "-e", program])).code).not.toBe(0);
    if (ann !== null) expect((await box.root(["loginctl", "show-user", "ann"])).stdout).not.toContain("Linger=yes");
  }, 120_000);
}); // prettier-ignore
