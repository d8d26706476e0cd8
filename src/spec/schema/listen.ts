import { err, ok, type Result } from "../../base/result.ts";

/** The address of a socket that the daemon holds open. */
export type ListenAddress =
  | { readonly family: "inet"; readonly host: readonly number[]; readonly port: number }
  | { readonly family: "inet6"; readonly host: readonly number[]; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/**
 * Parses an address such as `127.0.0.1:8080`, `[::1]:8080`, `*:8080` (every IPv6 and IPv4 address) or `/run/web.sock`. Host
 * names are not resolved.
 */
export function parseListen(text: string): Result<ListenAddress, string> {
  if (text.startsWith("/"))
    return text.length <= 107 ? ok({ family: "unix", path: text }) : err(`the path "${text}" is longer than 107 bytes`);
  const match = /^(\*|\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):(\d{1,5})$/.exec(text);
  if (!match) return err(`"${text}" is not an address: write 127.0.0.1:8080, [::1]:8080, *:8080 or /path.sock`);
  const port = Number(match[2]);
  if (port < 1 || port > 65_535) return err(`"${text}": the port must be from 1 to 65535`);
  const host = match[1]!;
  if (host === "*") return ok({ family: "inet6", host: new Array<number>(16).fill(0), port });
  if (host === "localhost") return ok({ family: "inet", host: [127, 0, 0, 1], port });
  if (host.startsWith("[")) {
    const bytes = parseV6(host.slice(1, -1));
    return bytes ? ok({ family: "inet6", host: bytes, port }) : err(`"${host}" is not an IPv6 address`);
  }
  const bytes = parseV4(host);
  return bytes ? ok({ family: "inet", host: bytes, port }) : err(`"${host}" is not an IPv4 address`);
}

function parseV4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return null;
  return parts.map(Number);
}

/**
 * Parses an IPv6 address (RFC 4291, section 2.2), but not the form that ends in an IPv4 address. Returns its 16 bytes, or
 * null if the address is invalid.
 */
function parseV6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = groups.flat();
  if (!given.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return null;
  const missing = 8 - given.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const all = halves.length === 1 ? given : [...groups[0]!, ...new Array<string>(missing).fill("0"), ...groups[1]!];
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}
