import type { TerminalClient } from "../../api/server/supervisor.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { Terminals, TerminalSize } from "../../ports/terminals.ts";

interface Session extends TerminalClient {
  readonly id: string;
  size: TerminalSize | null;
}

interface Attached {
  readonly sessions: Set<Session>;
  typist: Session | null;
  /** The end of the output, which each new client gets first. */
  recent: Buffer;
}

const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
/** Size of the output that is kept for new clients. It shows the prompt of a program that waits for input. */
const RECENT_BYTES = 4096;

/** Who looks at the terminals of units. Several clients may look at one; at most one of them types, and its size applies. */
export class TerminalViewers {
  readonly #terminals: Terminals;
  readonly #logs: Pick<LogStore, "tap">;
  readonly #units = new Map<string, Attached>();

  constructor(terminals: Terminals, logs: Pick<LogStore, "tap">) {
    this.#terminals = terminals;
    this.#logs = logs;
  }

  /** Returns the size with which the terminal of the next run begins. */
  sizeOf(unit: string): TerminalSize {
    return this.#units.get(unit)?.typist?.size ?? DEFAULT_SIZE;
  }

  /** Begins to keep the end of the output of a unit whose terminal is open. */
  follow(unit: string): void {
    this.#of(unit);
  }

  /**
   * Attaches a client, whose functions are called during the call. Returns a function that detaches it. The log of the unit must be
   * open.
   */
  attach(unit: string, viewer: TerminalClient): () => void {
    const attached = this.#of(unit);
    const session: Session = { ...viewer, id: crypto.randomUUID() };
    attached.sessions.add(session);
    if (!session.watches && (session.takes || attached.typist === null)) this.#setTypist(unit, attached, session);
    else inform(session, attached.typist);
    if (attached.recent.length > 0) session.output(attached.recent);
    return () => this.#detach(unit, session);
  }

  /** Returns "gone" if there is no such session, "watching" if another client types, and "full" if the program reads no input. */
  async type(
    unit: string,
    sessionId: string,
    bytes: Uint8Array | null,
    size: TerminalSize | null,
  ): Promise<"done" | "gone" | "watching" | "full"> {
    const attached = this.#units.get(unit);
    const session = [...(attached?.sessions ?? [])].find(({ id }) => id === sessionId);
    if (attached === undefined || session === undefined) return "gone";
    if (size !== null) session.size = size;
    if (attached.typist !== session) return bytes === null ? "done" : "watching";
    if (size !== null) this.#terminals.resize(unit, size);
    if (bytes === null || (await this.#terminals.type(unit, bytes))) return "done";
    return this.#terminals.has(unit) ? "full" : "gone";
  }

  /** Called when the terminal of a run was closed. */
  endOf(unit: string): void {
    const attached = this.#units.get(unit);
    if (attached === undefined) return;
    this.#units.delete(unit);
    this.#logs.tap(unit, null);
    for (const session of attached.sessions) session.ended();
  }

  #of(unit: string): Attached {
    const known = this.#units.get(unit);
    if (known !== undefined) return known;
    const attached: Attached = { sessions: new Set(), typist: null, recent: Buffer.alloc(0) };
    this.#units.set(unit, attached);
    this.#logs.tap(unit, (bytes) => {
      attached.recent = Buffer.from(Buffer.concat([attached.recent, bytes]).subarray(-RECENT_BYTES));
      for (const session of attached.sessions) session.output(bytes);
    });
    return attached;
  }

  #detach(unit: string, session: Session): void {
    const attached = this.#units.get(unit);
    if (attached === undefined || !attached.sessions.delete(session)) return;
    if (attached.typist === session) this.#setTypist(unit, attached, [...attached.sessions].find(({ watches }) => !watches) ?? null);
    if (attached.sessions.size === 0 && !this.#terminals.has(unit)) this.endOf(unit);
  }

  /**
   * Sets the size of the terminal by way of another one. The program gets SIGWINCH even if the size has not changed, and most programs
   * then draw their screen again, for the client that has just come.
   */
  #redraw(unit: string, size: TerminalSize): void {
    this.#terminals.resize(unit, { columns: size.columns, rows: size.rows + 1 });
    this.#terminals.resize(unit, size);
  }

  #setTypist(unit: string, attached: Attached, typist: Session | null): void {
    attached.typist = typist;
    if (typist?.size != null) this.#redraw(unit, typist.size);
    for (const session of attached.sessions) inform(session, typist);
  }
}

const inform = (session: Session, typist: Session | null): void =>
  session.typing({ session: session.id, types: session === typist, typist: typist?.name ?? null });
