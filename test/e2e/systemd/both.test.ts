/** The system's daemon and a user's on one machine: whose the units of /etc/sup/units are. */
import { expect, test } from "bun:test";
import type { Service, Status } from "../../../src/api/contract/shapes.ts";
import { type Account, noSandbox, type Sandbox, startSandbox } from "../../harness/sandbox.ts";
import { until } from "../../harness/until.ts";

const UNIT = JSON.stringify({ enabled: true, command: "sleep", args: ["1000"] });

async function prepare(box: Sandbox): Promise<Account> {
  const ann = await box.addUser("ann", { linger: true });
  await box.write("/etc/sup/units/shared.unit.json", UNIT);
  await box.write("/home/ann/.config/sup/units/own.unit.json", UNIT, ann);
  await box.write("/home/ann/.config/sup/sup.json", '{"metrics": {"interval": 0.5}, "api": {"enabled": false}}', ann);
  return ann;
}

async function servicesOf(box: Sandbox, account: Account): Promise<Service[]> {
  return (JSON.parse(await box.mustAs(account, ["sup", "status", "--json"])) as Status).services as Service[];
}

const stateOf = async (box: Sandbox, account: Account, id: string): Promise<string | undefined> =>
  (await servicesOf(box, account)).find((one) => one.id === id)?.state;

test.if(noSandbox === null)(
  "a machine without any: the system's daemon makes a place for units that users' daemons can read",
  async () => {
    await using box = await startSandbox();
    const ann = await box.addUser("ann", { linger: true });
    await box.must(["sup", "install-service"]);
    expect(await box.must(["stat", "-c", "%a", "/etc/sup", "/etc/sup/units"])).toBe("755\n755\n");
    await box.must(["sup", "uninstall-service"]);
    await box.write("/etc/sup/units/shared.unit.json", UNIT);
    await box.mustAs(ann, ["sup", "install-service"]);
    await until(async () => (await stateOf(box, ann, "shared")) === "running", { what: "shared to run" });
  },
  60_000,
);

test.if(noSandbox === null)(
  "a user's daemon leaves /etc/sup/units alone while the system's answers, and sup list says who owns them",
  async () => {
    await using box = await startSandbox();
    const ann = await prepare(box);

    // Nobody else is there: they are the user's to run.
    await box.mustAs(ann, ["sup", "install-service"]);
    await until(async () => (await stateOf(box, ann, "shared")) === "running", { what: "shared to run" });
    const [mine] = (await servicesOf(box, ann)).filter(({ id }) => id === "shared");
    expect(await box.mustAs(ann, ["sup", "list"])).not.toContain("belongs to");

    // The system's daemon comes: the user's lets go.
    await box.must(["sup", "install-service"]);
    await until(async () => (await stateOf(box, ann, "shared")) === undefined, { what: "shared to be let go" });
    await until(async () => (await box.root(["kill", "-0", String(mine!.pid)])).code !== 0, { what: "the user's copy to end" });
    expect(await stateOf(box, ann, "own")).toBe("running");
    expect(await box.must(["sup", "is-active", "shared"])).toBe("running\n");
    expect(await box.mustAs(ann, ["sup", "list"])).toContain("/etc/sup/units belongs to the system's daemon on /run/sup/sup.sock: shared"); // prettier-ignore
    expect(JSON.parse(await box.mustAs(ann, ["sup", "daemon", "status", "--json"]))).toMatchObject({ left_alone: [{ directory: "/etc/sup/units", units: ["shared"], owner: "/run/sup/sup.sock" }] }); // prettier-ignore

    // A restart of the system's daemon, even a reload of files, changes nothing; neither does a new start of the user's.
    await box.must(["systemctl", "restart", "sup"]);
    await box.write("/etc/sup/units/more.unit.json", UNIT);
    await until(async () => (await box.root(["sup", "is-active", "more"])).code === 0, { what: "more to run" });
    await box.mustAs(ann, ["systemctl", "--user", "restart", "sup"]);
    await box.mustAs(ann, ["sup", "reload"]);
    expect((await servicesOf(box, ann)).map(({ id }) => id)).toEqual(["own"]);

    // It is gone for good: a reload, and not before, gives them to the user.
    await box.must(["sup", "uninstall-service"]);
    await box.write("/home/ann/.config/sup/units/noticed.unit.json", UNIT, ann);
    await until(async () => (await stateOf(box, ann, "noticed")) === "running", { what: "a new file to be noticed" });
    expect(await stateOf(box, ann, "shared")).toBeUndefined();
    await box.mustAs(ann, ["sup", "reload"]);
    await until(async () => (await stateOf(box, ann, "shared")) === "running", { what: "shared to run again" });
  },
  90_000,
);
