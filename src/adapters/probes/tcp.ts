import type { ProbeResult } from "../../ports/prober.ts";
import type { TcpProbe } from "../../spec/spec.ts";
import { connectTo } from "./connection.ts";
import { explain, timed } from "./outcome.ts";

/** Passes if the connection is accepted. Sends no data. */
export function probeTcp(spec: TcpProbe, signal: AbortSignal): Promise<ProbeResult> {
  return timed(spec.timeoutMs, signal, (settle, doing) => {
    const port = Number(spec.port);
    if (spec.port.trim() === "" || !Number.isInteger(port) || port < 1 || port > 65535) {
      settle("bad", `${JSON.stringify(spec.port)} is not a port number`);
      return () => {};
    }
    const where = `${spec.host}:${port}`;
    doing(`connection to ${where}`);
    return connectTo(
      { path: null, host: spec.host, port, tls: "no" },
      {
        open: () => settle("ok", `connected to ${where}`),
        data: () => {},
        end: () => {},
        fail: (error) => settle(...explain(error, where)),
      },
    );
  });
}
