/** `failed`: given up. `dropped`: removed by the operator. */
export type OutboxState = "pending" | "sent" | "failed" | "dropped";

/** A message for one channel. A turn stores it together with the alerts that it is about. */
export interface OutboxRow {
  readonly id: number;
  readonly channel: string;
  readonly state: OutboxState;
  /** One line. */
  readonly title: string;
  /** The message as JSON. */
  readonly message: string;
  /** UTC ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Number of attempts to send it. */
  readonly attempts: number;
  readonly lastError: string | null;
  /** Names of the parts that were delivered, if the provider gets the message in parts. */
  readonly done: readonly string[];
}

export interface OutboxQuery {
  readonly limit: number;
  readonly states?: readonly OutboxState[];
}

/** Reads the outbox. The records of turns write it. */
export interface OutboxStore {
  /** The largest id ever given to a message, or 0 if there was none. */
  readonly lastOutboxId: number;
  /** Returns the newest `limit` matches, oldest first. */
  outbox(query: OutboxQuery): readonly OutboxRow[];
}
