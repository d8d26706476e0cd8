import type { ProbeSpec } from "../../spec/spec.ts";
import { plainText, type Texts } from "./text.ts";

/** Returns the words of a command that runs a probe in a container, or a string that says why there is none. */
export function probeCommand(probe: ProbeSpec, port: number | null, texts: Texts): string[] | string {
  const known = (text: string): string | null => {
    const value = texts.literal(text);
    return value.ok ? plainText(value.value) : null;
  };
  const words = wordsOf(probe, port, known);
  return words.every((word) => word !== null) ? words : "a value in it is not known now";
}

function wordsOf(probe: ProbeSpec, port: number | null, known: (text: string) => string | null): Array<string | null> {
  if (probe.type === "exec") return [probe.command, ...probe.args].map(known);
  if (probe.type === "tcp") return ["nc", "-z", known(probe.host), known(probe.port) ?? (port === null ? null : String(port))];
  if (probe.type !== "http") return [null];
  const endpoint = known(probe.endpoint);
  const unix = /^unix:([^:]*):?(.*)$/.exec(endpoint ?? "");
  const address = unix ? ["--unix-socket", unix[1]!, `http://localhost${unix[2]}`] : [endpoint];
  const headers = Object.entries(probe.headers).flatMap(([name, value]) => {
    const text = known(value);
    return ["-H", text === null ? null : `${name}: ${text}`];
  });
  const method = probe.method === "GET" ? [] : probe.method === "HEAD" ? ["-I"] : ["-X", probe.method];
  return ["curl", "-fsS", "-o", "/dev/null", ...(probe.insecureTls ? ["-k"] : []), ...method, ...headers, ...address];
}
