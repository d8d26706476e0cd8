import type { NewEvent } from "../../ports/store/events.ts";

/** Maximum length of a string in the store, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 64 * 1024;

/** Cuts the string between characters so that it fits into `maxBytes`. A cut string ends in `…`. */
export function clipText(text: string, maxBytes = MAX_TEXT_BYTES): string {
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text.slice(0, maxBytes)).subarray(0, maxBytes - 3);
  return `${bytes.toString("utf8").replace(/\uFFFD$/, "")}…`;
}

/** Clips an event and serialises its `details`. Details that are too long are replaced by the beginning of their JSON, as a string. */
export function clipEvent(event: NewEvent): { readonly event: NewEvent; readonly json: string } {
  const message = clipText(event.message);
  const [details, json] = clipDetails(event.details);
  return { event: message === event.message && details === event.details ? event : { ...event, message, details }, json };
}

function clipDetails(details: NewEvent["details"]): [NewEvent["details"], string] {
  let json: string;
  try {
    json = JSON.stringify(details);
  } catch (error) {
    const unstorable = { unstorable: error instanceof Error ? error.message : String(error) }; // a cycle, a bigint
    return [unstorable, JSON.stringify(unstorable)];
  }
  if (json.length * 3 <= MAX_TEXT_BYTES || Buffer.byteLength(json) <= MAX_TEXT_BYTES) return [details, json];
  // The limit is a third, because JSON.stringify escapes the quotes again, so that one byte may become two.
  const cut = { truncated: true, bytes: Buffer.byteLength(json), beginning: clipText(json, MAX_TEXT_BYTES / 3) };
  return [cut, JSON.stringify(cut)];
}
