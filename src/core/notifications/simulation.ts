import type { NotificationSettings } from "../../spec/notifications.ts";
import type { Spec } from "../../spec/spec.ts";
import { freshUnit } from "../unit/record.ts";
import type { AlertChange } from "../alerts/alerts.ts";
import type { Draft } from "./draft.ts";
import type { Surroundings } from "./inhibition.ts";
import { NotificationBook } from "./notification-book.ts";

export interface PastChange {
  /** Wall clock time of the message. */
  readonly atMs: number;
  readonly change: AlertChange;
}

export interface Simulated {
  readonly atMs: number;
  readonly draft: Draft;
}

/**
 * Returns the messages that these settings would have caused for past alerts, oldest first. The past states of units are
 * unknown. Therefore a unit holds back the problems of its dependents only while it has an alert itself.
 */
export function simulate(
  settings: NotificationSettings,
  history: readonly PastChange[],
  around: { readonly services: Surroundings["services"]; readonly specOf: (id: string) => Spec | undefined },
  span: { readonly fromMs: number; readonly toMs: number },
): Simulated[] {
  const get: Surroundings["get"] = (id) => {
    const spec = around.specOf(id);
    // This is the phase of a unit that serves and has no process.
    return spec === undefined ? undefined : { spec, unit: { ...freshUnit(id), phase: "exited", want: "up" } };
  };
  const book = new NotificationBook({ services: around.services, get });
  const messages: Simulated[] = [];
  const conclude = (alerts: readonly AlertChange[], atMs: number): void => {
    const outbox: Draft[] = [];
    book.conclude(alerts, atMs, () => atMs, { outbox, episodes: new Set() });
    for (const draft of outbox) messages.push({ atMs, draft });
  };
  const passUntil = (endMs: number): void => {
    for (let dueMs = book.dueMs; dueMs !== null && dueMs < endMs; dueMs = book.dueMs) conclude([], dueMs);
  };
  book.configure(settings, [], [], { nowMs: span.fromMs, wallMs: span.fromMs }, { outbox: [], episodes: new Set() });
  for (const { atMs, change } of history) {
    passUntil(atMs);
    conclude([change], atMs);
  }
  passUntil(span.toMs);
  return messages;
}
