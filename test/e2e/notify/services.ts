import { sendSdNotify } from "../../../src/linux/io/sd-notify.ts";

export const systemdNotify = Bun.which("systemd-notify");
export const python = Bun.which("python3");

type More = Readonly<Record<string, unknown>>;

/** A shell that speaks through the real systemd-notify. It does what is written to the file `orders`, a line at a time. */
export const shell = (script: string, more: More = {}): More => ({
  type: "notify",
  enabled: true,
  command: "/bin/sh",
  args: ["-c", `trap 'exit 0' TERM; ${script}; while :; do sleep 0.05; done`],
  restart_policy: { retry_delay: 0.05, max_retries: 3 },
  ...more,
});

/** Speaks through libsystemd's own sd_notify. */
const LIBSYSTEMD = `
import ctypes, os, signal, sys, time
library = ctypes.CDLL("libsystemd.so.0")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
def say(text):
    print("said", text.split("=")[0], library.sd_notify(0, text.encode()), flush=True)
`;

export const pythonService = (script: string, more: More = {}): More => ({
  type: "notify",
  enabled: true,
  command: python ?? "python3",
  args: ["-c", (LIBSYSTEMD + script).replaceAll("%", "%%").replaceAll("$", "$$")],
  restart_policy: { retry_delay: 0.05, max_retries: 3 },
  ...more,
});

export { sendSdNotify };
