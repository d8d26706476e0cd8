import { nowNs } from "../native.ts";
import type { Peer } from "./peer.ts";

/** A C program that only uses fork, exec and waitpid. It is the lower bound that the others are compared with. */
export const loopPeer = (loop: string): Peer => ({
  name: "loop (C)",
  version: "fork/exec/waitpid",
  restartPaceMs: 150,
  start: ({ count, service, starts }) => {
    const beganNs = nowNs();
    const child = Bun.spawn([loop, String(count), service, starts.file], { stdio: ["ignore", "ignore", "ignore"] });
    const end = async (): Promise<void> => {
      child.kill("SIGTERM");
      await child.exited;
    };
    return Promise.resolve({ beganNs, supervisors: () => [child.pid], stopAll: end, commands: null, end });
  },
});
