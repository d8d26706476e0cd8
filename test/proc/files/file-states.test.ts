import { expect, test } from "bun:test";
import { appendFileSync, chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFileStates } from "../../../src/adapters/files/file-states.ts";
import type { FileState } from "../../../src/core/explain/fingerprint.ts";
import { isLocalPath } from "../../../src/linux/proc/local-mounts.ts";
import { tempDir } from "../../harness/temp.ts";

const files = openFileStates();

async function stateOf(path: string): Promise<FileState> {
  const state = await files.state(path);
  if (state === null || state === "missing") throw new Error(`${path} has no state`);
  return state;
}

test("the state of a file, of none, and of what is no regular file", async () => {
  using dir = tempDir();
  const path = join(dir.path, "f");
  writeFileSync(path, "12345");
  expect(await stateOf(path)).toMatchObject({ sizeBytes: 5, content: null });
  expect(await files.state(join(dir.path, "none"))).toBe("missing");
  expect(await files.state(join(path, "below"))).toBe("missing");
  expect(await files.state(dir.path)).toBeNull();
});

test("a content is hashed if the file is still in that state", async () => {
  using dir = tempDir();
  const path = join(dir.path, "f");
  writeFileSync(path, "x".repeat(600_000));
  const state = await stateOf(path);
  expect(await files.hash(path, state)).toBe(new Bun.CryptoHasher("sha256").update("x".repeat(600_000)).digest("hex"));
  appendFileSync(path, "y");
  expect(await files.hash(path, state)).toBeNull();
  expect(await files.hash(join(dir.path, "none"), state)).toBeNull();
});

test("a FIFO that took the place of a file blocks nothing", async () => {
  using dir = tempDir();
  const [path, fifo] = [join(dir.path, "f"), join(dir.path, "fifo")];
  writeFileSync(path, "x");
  const state = await stateOf(path);
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  renameSync(fifo, path);
  expect(await files.hash(path, state)).toBeNull();
});

test("an executable is found on the search path, and links are resolved", async () => {
  using dir = tempDir();
  for (const name of ["a", "b"]) mkdirSync(join(dir.path, name));
  writeFileSync(join(dir.path, "b/tool"), "");
  chmodSync(join(dir.path, "b/tool"), 0o755);
  symlinkSync("b", join(dir.path, "current"));
  const tool = join(dir.path, "b/tool");
  const found = { path: tool, state: await stateOf(tool) };
  expect(await files.executable("tool", `${dir.path}/a:${dir.path}/b`, "/")).toEqual(found);
  expect(await files.executable("none", `${dir.path}/a:${dir.path}/b`, "/")).toEqual({ path: join(dir.path, "a/none"), state: "missing" });
  expect(await files.executable("./b/tool", "", dir.path)).toEqual(found);
  expect(await files.realPath(join(dir.path, "current"))).toBe(await files.realPath(join(dir.path, "b")));
  expect(await files.realPath(join(dir.path, "none"))).toBeNull();
});

test("a path is local if the mount above it is, and later mounts hide earlier ones", () => {
  const mounts = [
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "30 27 0:40 / /srv rw shared:1 - nfs4 server:/srv rw",
    "31 30 0:41 / /srv/my\\040data rw - xfs /dev/vdb rw",
    "32 27 0:42 / /opt rw - tmpfs none rw",
    "33 27 0:43 / /opt rw - fuse.sshfs host: rw",
  ].join("\n");
  const local = (path: string): boolean => isLocalPath(path, mounts);
  expect(["/usr/bin/x", "/srvx", "/srv", "/srv/app", "/srv/my data/app", "/opt/x"].map(local)).toEqual([
    true,
    true,
    false,
    false,
    true,
    false,
  ]);
  expect(isLocalPath("/usr/bin/x", "")).toBe(false);
});
