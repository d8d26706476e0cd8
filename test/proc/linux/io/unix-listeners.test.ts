import { expect, test } from "bun:test";
import { join } from "node:path";
import { hasListener } from "../../../../src/linux/io/unix-listeners.ts";
import { tempDir } from "../../../harness/temp.ts";

test("a listener on a unix socket is found until it ends, even if its file remains", async () => {
  using dir = tempDir();
  const path = join(dir.path, "a.sock");
  expect(hasListener(path)).toBe(false);
  const child = Bun.spawn([process.execPath, "-e", `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); console.log("up"); setInterval(() => {}, 1000);`], { stdout: "pipe" }); // prettier-ignore
  await child.stdout.getReader().read();
  expect(hasListener(path)).toBe(true);
  expect(hasListener(path.slice(0, -1))).toBe(false);
  expect(hasListener(path.slice(1))).toBe(false);
  child.kill("SIGKILL");
  await child.exited;
  expect(hasListener(path)).toBe(false);
});

test("a socket that is bound but not listening is no listener", async () => {
  using dir = tempDir();
  const path = join(dir.path, "d.sock");
  const python = Bun.which("python3");
  if (python === null) return;
  const child = Bun.spawn([python, "-c", `import socket,time; s=socket.socket(socket.AF_UNIX); s.bind(${JSON.stringify(path)}); print("up", flush=True); time.sleep(1000)`], { stdout: "pipe" }); // prettier-ignore
  await child.stdout.getReader().read();
  expect(hasListener(path)).toBe(false);
  child.kill("SIGKILL");
  await child.exited;
});
