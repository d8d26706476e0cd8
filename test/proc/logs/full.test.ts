import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canMount, smallDisk } from "../store/small-disk.ts";
import { LogKit, logSpec, parseStrictly, until } from "./kit.ts";

test.skipIf(!canMount())(
  "when the disk is full the service continues, the loss is counted and reported once, and no record is torn",
  async () => {
    using disk = smallDisk();
    await using kit = new LogKit({ logDir: join(disk.path, "logs") });
    kit.logs.open("web", logSpec());
    const child = kit.run("web", ["seq", "1", "100000"]);
    expect(await child.exited).toBe(0);
    kit.logs.endRun("web");
    await until("the loss to be reported", () => kit.losses.length > 0);
    expect(kit.losses).toEqual([
      {
        unit: "web",
        why: "disk",
        over: false,
        bytes: expect.any(Number),
        lines: expect.any(Number),
        cause: expect.stringContaining("ENOSPC"),
      },
    ]);
    const kept = parseStrictly(kit.bytes("web")).records;
    expect(kept).toBeGreaterThan(1000);
    for (let i = 0; i < 3; i++) kit.logs.tick();
    expect(kit.losses.length).toBe(1); // the loss has not ended, and the ticks lose no line
    expect(kit.logs.condition("web").losses).toMatchObject([{ over: false }]);

    // Free space on the disk.
    truncateSync(join(disk.path, "logs", "web.log"), 0);
    kit.logs.note("web", "again");
    await kit.overIs("disk");
    const loss = kit.losses[1]!;
    expect(kept + loss.lines).toBe(100_000);
    expect(kit.logs.condition("web").losses).toMatchObject([{ why: "disk", lines: loss.lines, bytes: loss.bytes, over: true }]);
    const texts = kit.logs.read("web", {}).map((line) => line.text);
    expect(texts[0]).toBe("[sup] again");
    expect(texts[1]).toBe(`[sup] ${loss.lines} lines (${loss.bytes} bytes) of stdout were lost: no space left on device (ENOSPC)`);
    expect(kit.problems).toEqual([]);
  },
);

test.skipIf(!canMount())("on a full disk a log is still rotated, and compressed once there is room", async () => {
  using disk = smallDisk("2m");
  await using kit = new LogKit({ logDir: join(disk.path, "logs") });
  const spec = logSpec({ compress: "zstd", maxSizeBytes: 1_000_000, keep: 3 });
  kit.logs.open("web", { ...spec, compress: false });
  const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(1 << 16))).toString("base64");
  writeFileSync(join(kit.dir, "noise"), `${noise.slice(0, 80_000).replace(/.{99}/g, "$&\n")}\n`);
  await kit.run("web", ["sh", "-c", 'for i in $(seq 1 30); do cat "$0"; done', join(kit.dir, "noise")]).exited;
  kit.logs.endRun("web");
  expect(readdirSync(kit.logDir)).toContain("web.log.1");
  await until("the loss", () => kit.losses.length > 0);
  kit.logs.tidy(() => spec);
  await until("the compression to fail", () => kit.problems.length > 0);
  expect(kit.problems[0]).toStartWith("cannot compress a rotated file of web.log: ENOSPC");
  expect(readdirSync(kit.logDir).filter((name) => name.endsWith("unfinished"))).toEqual([]);
  disk.grow("20m");
  kit.logs.tidy(() => spec);
  await until("it to be compressed", () => readdirSync(kit.logDir).includes("web.log.1.zst"));
  kit.logs.tick();
  const { stdout, stderr } = parseStrictly(kit.bytes("web"));
  const missing = Number(/\[sup\] (\d+) lines/.exec(stderr.toString())![1]);
  const all =
    30 *
    (Bun.spawnSync(["wc", "-l", join(kit.dir, "noise")])
      .stdout.toString()
      .split(" ")[0] as unknown as number);
  expect(stdout.toString().split("\n").length - 1 + missing).toBe(all);
});

test("a deleted log directory is created again", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  rmSync(kit.logDir, { recursive: true });
  await kit.run("web", ["seq", "1", "100"]).exited;
  kit.logs.endRun("web");
  expect(parseStrictly(kit.bytes("web")).records).toBe(100);
  expect(kit.losses).toEqual([]);
});

test("a file at the path of the log directory loses output, but capture continues", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  rmSync(kit.logDir, { recursive: true });
  writeFileSync(kit.logDir, "in the way");
  await kit.run("web", ["seq", "1", "100"]).exited;
  kit.logs.endRun("web");
  await until("the loss to be reported", () => kit.losses.length === 1);
  expect(kit.losses[0]).toMatchObject({ why: "disk", cause: expect.stringContaining("ENOTDIR") });
  expect(kit.logs.tail("web", 1)[0]!.text).toBe("100"); // live lines still arrive
  rmSync(kit.logDir);
  await kit.run("web", ["echo", "back"]).exited;
  kit.logs.endRun("web");
  await kit.overIs("disk");
  expect(kit.losses[1]).toMatchObject({ lines: 100, bytes: 292 });
  expect(kit.logs.read("web", {}).map((line) => line.text)[0]).toBe("back");
});

test("a rotation that cannot be done leaves one file that is too long, and says so", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 10_000, keep: 1 }));
  // A directory in the place of the rotated file cannot be replaced by a file.
  mkdirSync(join(kit.logDir, "web.log.1"));
  writeFileSync(join(kit.logDir, "web.log.1", "full"), "");
  await kit.run("web", ["seq", "1", "2000"]).exited;
  kit.logs.endRun("web");
  expect(kit.problems.length).toBeGreaterThan(0);
  expect(kit.problems[0]).toContain("cannot rotate");
  expect(existsSync(join(kit.logDir, "web.log.1", "full"))).toBe(true);
  rmSync(join(kit.logDir, "web.log.1"), { recursive: true });
  expect(parseStrictly(kit.bytes("web")).records).toBe(2000);
});
