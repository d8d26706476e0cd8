/** The shell scripts that run without an installed sup. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "../../harness/run.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const shellcheck = Bun.which("shellcheck");

test.if(shellcheck !== null)("shellcheck finds nothing", async () => {
  const scripts = readdirSync(`${ROOT}/scripts`).filter((name) => name.endsWith(".sh"));
  expect(scripts.length).toBeGreaterThan(5);
  const maintainer = ["postinst", "prerm", "postrm"].map((name) => `scripts/release/debian/${name}`);
  const ran = await run([shellcheck!, "install.sh", ...maintainer, ...scripts.map((name) => `scripts/${name}`)], { cwd: ROOT });
  expect(ran).toEqual({ code: 0, stdout: "", stderr: "" });
  expect((await run([shellcheck!, "-s", "bash", "src/cli/completion/sup.bash"], { cwd: ROOT })).stdout).toBe("");
});

test.each(["dash", "busybox sh", "bash --posix"])("%s can parse install.sh", async (shell) => {
  expect(await run([...shell.split(" "), "-n", "install.sh"], { env: { PATH: process.env.PATH! }, cwd: ROOT })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});
