import { signal } from "@preact/signals";

/** The progress or the result of a user's action. A result disappears after some time, unless it is an error. */
export interface Toast {
  readonly id: number;
  readonly tone: "busy" | "good" | "bad" | "warning";
  readonly text: string;
}

export const toasts = signal<readonly Toast[]>([]);

/** A result that is no error disappears after this time. */
export const STAY_MS = 5000;
const MOST = 4;
let next = 1;

export function showToast(tone: Exclude<Toast["tone"], "busy">, text: string): void {
  const id = add(tone, text);
  if (tone !== "bad") setTimeout(dismiss, STAY_MS, id);
}

/** Shows that something is going on. Returns the id of the toast, which stays until it is dismissed. */
export const showProgress = (text: string): number => add("busy", text);

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Removes the successes whose text begins with this text. */
export function dismissSuccess(start: string): void {
  toasts.value = toasts.value.filter(({ tone, text }) => tone !== "good" || !text.startsWith(start));
}

function add(tone: Toast["tone"], text: string): number {
  const id = next++;
  toasts.value = [...toasts.value, { id, tone, text }].slice(-MOST);
  return id;
}
