/** Runs probes of every type. The caller handles the fallback of a probe. */
import type { Epoll } from "../../linux/io/epoll.ts";
import { connectAs } from "../../linux/io/connect-as.ts";
import type { ProbeContext, Prober, ProbeResult } from "../../ports/prober.ts";
import type { Processes } from "../../ports/processes.ts";
import type { ProbeSpec } from "../../spec/spec.ts";
import { probeExec } from "./exec.ts";
import { probeHttp } from "./http.ts";
import { probeProcess } from "./process.ts";
import { probeTcp } from "./tcp.ts";

export interface ProberOptions {
  readonly processes: Processes;
  readonly epoll: Epoll;
  /** Version of sup, for the User-Agent `sup/VERSION`. */
  readonly version: string;
}

export function openProber({ processes, epoll, version }: ProberOptions): Prober {
  const run = (spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<ProbeResult> => {
    switch (spec.type) {
      case "http":
        return probeHttp(spec, { agent: `sup/${version}`, connectUnix: (path) => connectAs(path, context.identity) }, signal);
      case "tcp":
        return probeTcp(spec, signal);
      case "process":
        return Promise.resolve(probeProcess(processes, context.main));
      case "exec":
        return probeExec(spec, context, { processes, epoll }, signal);
    }
  };
  return {
    async probe(spec, context, signal) {
      try {
        return await run(spec, context, signal);
      } catch (error) {
        return { kind: "broken", detail: `the check itself failed: ${(error as Error).message}` };
      }
    },
  };
}
