/** sup as a service of a real systemd: what goes on, what stops, and in which order. */
import { expect, test } from "bun:test";
import type { Service, Status } from "../../../src/api/contract/shapes.ts";
import { type Account, noSandbox, type Sandbox, startSandbox } from "../../harness/sandbox.ts";
import { until } from "../../harness/until.ts";

const withSystemd = test.if(noSandbox === null);
const TIMEOUT_MS = 90_000;

/** A service of systemd in one of its two modes, and how to speak to it. */
class Installed {
  readonly box: Sandbox;
  readonly account: Account | null;

  constructor(box: Sandbox, account: Account | null) {
    this.box = box;
    this.account = account;
  }

  run(...command: readonly string[]): Promise<string> {
    return this.account === null ? this.box.must(command) : this.box.mustAs(this.account, command);
  }

  systemctl(...args: readonly string[]): Promise<string> {
    return this.run("systemctl", ...(this.account === null ? [] : ["--user"]), ...args);
  }

  get unitDirectory(): string {
    return this.account === null ? "/etc/sup/units" : `/home/${this.account.name}/.config/sup/units`;
  }

  get dropIn(): string {
    const directory = this.account === null ? "/etc/systemd/system" : `/home/${this.account.name}/.config/systemd/user`;
    return `${directory}/sup.service.d/test.conf`;
  }

  write(path: string, text: string): Promise<void> {
    return this.box.write(path, text, this.account ?? undefined);
  }

  unit(name: string, unit: Readonly<Record<string, unknown>>): Promise<void> {
    return this.write(
      `${this.unitDirectory}/${name}.unit.json`,
      JSON.stringify({ enabled: true, command: "sleep", args: ["1000"], ...unit }),
    );
  }

  async daemonPid(): Promise<number> {
    return Number(await this.systemctl("show", "sup", "--property=MainPID", "--value"));
  }

  async services(): Promise<readonly Service[]> {
    return (JSON.parse(await this.run("sup", "status", "--json")) as Status).services;
  }

  /** Waits until all of these run, and gives them. */
  running(...ids: readonly string[]): Promise<readonly Service[]> {
    return until(
      async () => {
        const services = await this.services();
        return ids.every((id) => services.find((one) => one.id === id)?.state === "running") && services;
      },
      { what: `${ids.join(", ")} to run`, timeoutMs: 20_000, explain: () => this.systemctl("status", "sup", "--no-pager") },
    );
  }

  /** Waits for another daemon than this one, which answers. */
  async another(pid: number): Promise<void> {
    const now = async (): Promise<boolean> => {
      const main = await this.daemonPid();
      return main !== 0 && main !== pid && (await this.services()).length > 0;
    };
    await until(now, { what: "another daemon", timeoutMs: 30_000, explain: () => this.systemctl("status", "sup", "--no-pager") });
  }
}

const pidsOf = (services: readonly Service[]): Array<[string, number | null, number]> =>
  services.map(({ id, pid, restart_count }) => [id, pid, restart_count]);

/** Says in which order the units ended. It runs when its trap is set. */
const mourner = (file: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  command: "/bin/sh",
  args: [
    "-c",
    `trap 'rm /var/tmp/up-$SUP_UNIT; sleep 0.2; echo "$SUP_UNIT" >>${file}; exit 0' TERM; : >/var/tmp/up-$SUP_UNIT; while :; do sleep 0.02; done`,
  ],
  health_check: { type: "exec", command: "test", args: ["-e", "/var/tmp/up-%n"], start_interval: 0.1, interval: 600 },
  ...more,
});

async function install(box: Sandbox, mode: "user" | "system"): Promise<Installed> {
  const account = mode === "user" ? await box.addUser("ann") : null;
  const installed = new Installed(box, account);
  await installed.unit("db", mourner("/var/tmp/order"));
  await installed.unit("web", mourner("/var/tmp/order", { dependencies: ["db"] }));
  await installed.run("sup", "install-service");
  await installed.running("db", "web");
  return installed;
}

const modes = ["user", "system"] as const;
const eachMode = withSystemd.each(modes);

eachMode(
  "%s: SIGKILL of sup, systemctl restart, sup daemon restart and an expired watchdog leave the services running, and they are adopted",
  async (mode) => {
    await using box = await startSandbox();
    const sup = await install(box, mode);
    const before = pidsOf(await sup.services());

    let daemon = await sup.daemonPid();
    await box.must(["kill", "-KILL", String(daemon)]);
    await sup.another(daemon);
    expect(pidsOf(await sup.running("db", "web"))).toEqual(before);

    daemon = await sup.daemonPid();
    await sup.systemctl("restart", "sup");
    expect(await sup.daemonPid()).not.toBe(daemon);
    expect(pidsOf(await sup.running("db", "web"))).toEqual(before);
    expect(await sup.systemctl("show", "sup", "--property=Result", "--value")).toBe("success\n");

    daemon = await sup.daemonPid();
    expect(await sup.run("sup", "daemon", "restart")).toContain("re-executed");
    expect(await sup.daemonPid()).toBe(daemon);
    expect(pidsOf(await sup.services())).toEqual(before);

    await sup.write(sup.dropIn, "[Service]\nWatchdogSec=1\n");
    await sup.systemctl("daemon-reload");
    await sup.systemctl("restart", "sup");
    daemon = await sup.daemonPid();
    await box.must(["kill", "-STOP", String(daemon)]);
    await sup.another(daemon);
    expect(pidsOf(await sup.running("db", "web"))).toEqual(before);
    const journal = await box.must(["journalctl", "--no-pager", "-o", "cat"]);
    expect(journal).toContain("Watchdog timeout");
  },
  TIMEOUT_MS,
);

eachMode(
  "%s: systemctl stop stops the services in the order of their dependencies, and waits for them",
  async (mode) => {
    await using box = await startSandbox();
    const sup = await install(box, mode);
    await sup.systemctl("stop", "sup");
    expect(await box.read("/var/tmp/order")).toBe("web\ndb\n");
    expect(await sup.systemctl("show", "sup", "--property=ActiveState,Result")).toBe("Result=success\nActiveState=inactive\n");
    await sup.systemctl("start", "sup");
    await sup.running("db", "web");

    // By sup's own command too: systemd does not start again what was stopped.
    await sup.run("sup", "daemon", "stop");
    expect(await box.read("/var/tmp/order")).toBe("web\ndb\nweb\ndb\n");
    expect(await sup.systemctl("show", "sup", "--property=ActiveState", "--value")).toBe("inactive\n");
    expect(await sup.run("sup", "daemon", "start")).toContain("started by systemd");
    await sup.running("db", "web");
  },
  TIMEOUT_MS,
);

eachMode(
  "%s: a stop may take longer than systemd's patience is at first",
  async (mode) => {
    await using box = await startSandbox();
    const sup = await install(box, mode);
    await sup.write(sup.dropIn, "[Service]\nTimeoutStopSec=1\n");
    await sup.systemctl("daemon-reload");
    await sup.unit("slow", {
      command: "/bin/sh",
      args: ["-c", "trap 'sleep 2.5; echo slow >>/var/tmp/order; exit 0' TERM; while :; do sleep 0.02; done"],
    });
    await sup.running("slow");
    await sup.systemctl("stop", "sup");
    expect(await box.read("/var/tmp/order")).toContain("slow\n");
    expect(await sup.systemctl("show", "sup", "--property=Result", "--value")).toBe("success\n");
  },
  TIMEOUT_MS,
);

eachMode(
  "%s: it starts at boot, nobody logged in",
  async (mode) => {
    await using box = await startSandbox();
    const sup = await install(box, mode);
    await box.reboot();
    await until(() => sup.systemctl("is-active", "sup"), { what: "the service to run", timeoutMs: 30_000 });
    const services = await sup.running("db", "web");
    expect(services.map(({ restart_count }) => restart_count)).toEqual([0, 0]);
    expect((await box.must(["loginctl", "list-sessions", "--no-legend"])).trim()).toBe("");
    // The shutdown stopped them as a stop does.
    expect(await box.read("/var/tmp/order")).toBe("web\ndb\n");
  },
  TIMEOUT_MS,
);

eachMode(
  "%s: a reload through systemd brings changed files into force",
  async (mode) => {
    await using box = await startSandbox();
    const sup = await install(box, mode);
    await sup.unit("more", { enabled: true, description: "before" });
    await sup.running("db", "web", "more");
    await sup.unit("more", { enabled: true, description: "after" });
    const more = async () => (await sup.services()).find(({ id }) => id === "more")!;
    await until(async () => (await more()).changed_on_disk, { what: "the change to be seen" });
    await sup.systemctl("reload", "sup");
    await until(async () => (await more()).description === "after", { what: "the change to be in force" });
    const groups = await box.must(["cat", `/proc/${(await more()).pid}/cgroup`]);
    expect(groups).toMatch(/\/sup\.service\/sup-[^/]+\/more\./);
  },
  TIMEOUT_MS,
);
