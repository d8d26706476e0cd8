import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { OutboxRow } from "../../../src/ports/store/outbox.ts";
import { tempDir } from "../../harness/temp.ts";
import { mustOpen, newEvent } from "./rows.ts";

const row = (id: number, more: Partial<OutboxRow> = {}): OutboxRow => ({
  ...{ id, channel: "ops", state: "pending", title: `message ${id}`, message: "{}", attempts: 0, lastError: null, done: [] },
  ...{ createdAt: "2026-05-01T12:00:00.000Z", updatedAt: "2026-05-01T12:00:00.000Z" },
  ...more,
});

test("messages are stored with the turn, changed by id, and found by state in their order", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.record({ events: [newEvent("web")], outbox: [row(1), row(2), row(3)] });
  store.record({ outbox: [row(2, { state: "sent", attempts: 1 }), row(3, { attempts: 2, lastError: "down", done: ["a", "b"] })] });
  store.close();
  const again = mustOpen(path);
  expect(again.lastOutboxId).toBe(3);
  expect(again.outbox({ limit: 10, states: ["pending"] })).toEqual([row(1), row(3, { attempts: 2, lastError: "down", done: ["a", "b"] })]);
  expect(again.outbox({ limit: 2 }).map(({ id }) => id)).toEqual([2, 3]);
  again.close();
});

test("a message that could not be written yet is found all the same", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.record({ outbox: [row(1), row(2)] });
  using blocker = new Database(path);
  blocker.run("BEGIN EXCLUSIVE");
  store.record({ outbox: [row(2, { state: "sent" }), row(3)] });
  expect(store.outbox({ limit: 10, states: ["pending"] }).map(({ id }) => id)).toEqual([1, 3]);
  blocker.run("ROLLBACK");
  store.close();
});

test("old messages are deleted with old events, but none that is pending", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  store.record({ outbox: [row(1), row(2, { state: "sent" }), row(3, { state: "failed", updatedAt: "2026-06-01T00:00:00.000Z" })] });
  while (store.prune("2026-05-15T00:00:00.000Z", "2026-05-15T00:00:00.000Z"));
  expect(store.outbox({ limit: 10 }).map(({ id }) => id)).toEqual([1, 3]);
  store.close();
});
