import { signal } from "@preact/signals";

/** The result of a user's action. It disappears after some time, unless it is an error. */
export interface Toast {
  readonly id: number;
  readonly tone: "good" | "bad" | "warning";
  readonly text: string;
}

export const toasts = signal<readonly Toast[]>([]);

const STAY_MS = 5000;
const MOST = 4;
let next = 1;

export function showToast(tone: Toast["tone"], text: string): void {
  const id = next++;
  toasts.value = [...toasts.value, { id, tone, text }].slice(-MOST);
  if (tone !== "bad") setTimeout(dismiss, STAY_MS, id);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
