import { digestOf } from "./secrets.ts";

/**
 * Compares a given token with the right one. The result is `too-many` while the address is locked because too many wrong
 * tokens came from it. During that time even the right token gives no access.
 */
export type TokenCheck = (given: string, address: string, purpose: "request" | "sign-in") => "right" | "wrong" | "too-many";

/** Number of wrong tokens within `WINDOW_MS` after which an address is locked for the rest of that time. */
const MAX_WRONG = 10;
export const WINDOW_MS = 60_000;
/**
 * Time for which an address keeps access after a request with the right token, even if wrong tokens come from it. Clients
 * behind a proxy share one address, and one client must not be able to lock out the others. A sign-in has no such exception,
 * because a person can sign in with a one-time code instead.
 */
const TRUST_MS = 60 * 60_000;
/** If there are more addresses than this, the oldest ones are removed. */
const MAX_ADDRESSES = 1000;

interface Source {
  /** The time of each wrong token within the window. While the address is locked, no times are added, so that the lock ends. */
  wrongMs: number[];
  rightMs: number;
}

/** `now` returns the time in milliseconds. */
export function createTokenCheck(token: string, now: () => number): TokenCheck {
  const expected = digestOf(token);
  const sources = new Map<string, Source>();
  return (given, address, purpose) => {
    // Digests have equal lengths. Therefore the duration of the comparison does not even reveal the length of the token.
    const isRight = crypto.timingSafeEqual(digestOf(given), expected);
    const source = sourceFor(sources, address);
    const nowMs = now();
    if (source.wrongMs.length > 0) source.wrongMs = source.wrongMs.filter((ms) => ms > nowMs - WINDOW_MS && ms <= nowMs);
    const isLocked = source.wrongMs.length >= MAX_WRONG;
    const isTrusted = purpose === "request" && source.rightMs > nowMs - TRUST_MS;
    if (isRight && (!isLocked || isTrusted)) {
      if (purpose === "request") source.rightMs = nowMs;
      return "right";
    }
    if (isLocked) return "too-many";
    source.wrongMs.push(nowMs);
    return "wrong";
  };
}

function sourceFor(sources: Map<string, Source>, address: string): Source {
  const key = networkOf(address);
  const known = sources.get(key);
  if (known !== undefined) return known;
  if (sources.size >= MAX_ADDRESSES) sources.delete(sources.keys().next().value!);
  const source: Source = { wrongMs: [], rightMs: -Infinity };
  sources.set(key, source);
  return source;
}

/** Returns an IPv4 address as it is, and the /64 network of an IPv6 address, because one host can use all addresses of it. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array<string>(zeros).fill("0"), ...last].slice(0, 4).join(":");
}
