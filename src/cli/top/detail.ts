import type { Client } from "../../api/client/client.ts";
import { eventLine, logLine } from "../render/lines.ts";
import type { TableStyle } from "../render/status-table.ts";
import { safe } from "../render/safe.ts";
import { describeWhy } from "../render/why-long.ts";

export type Pane = "log" | "events" | "why";
export const PANES: readonly Pane[] = ["log", "events", "why"];

export interface Shown {
  readonly id: string;
  readonly pane: Pane;
  /** True if `id` is a service with `instances`, which has no log and no story of its own. */
  readonly isService: boolean;
}

const LOG_LINES = 200;
const MAX_LINES = 2000;
const EVENTS = 200;
/** Entries of the history in the pane `why`. */
const STORY = 20;

/** The content of the right pane. Loads it when another unit or pane is shown, and keeps it up to date. */
export class Detail {
  /** Coloured lines, oldest first, of any width. */
  lines: readonly string[] = [];
  readonly #client: Client;
  readonly #style: () => TableStyle;
  readonly #changed: () => void;
  #shown: Shown | null = null;
  #abort = new AbortController();

  /** `changed` is called whenever `lines` has changed. */
  constructor(client: Client, style: () => TableStyle, changed: () => void) {
    this.#client = client;
    this.#style = style;
    this.#changed = changed;
  }

  show(shown: Shown | null): void {
    this.#shown = shown;
    this.#set([]);
    this.reload();
  }

  /** Loads everything again, for example because another daemon runs now. */
  reload(): void {
    this.stop();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    if (this.#shown === null) return;
    const { id, pane, isService } = this.#shown;
    if (isService && pane !== "events") return this.#set([`${safe(id)} is a service: select one of its units below it.`]);
    if (pane === "log") void this.#followLog(id, signal);
    else void this.#load(this.#shown, signal);
  }

  /** Called when the unit has changed. A log follows by itself. */
  refresh(): void {
    if (this.#shown !== null && this.#shown.pane !== "log") this.reload();
  }

  stop(): void {
    this.#abort.abort();
  }

  async #followLog(id: string, signal: AbortSignal): Promise<void> {
    let lines: string[] = [];
    for await (const message of this.#client.follow({ id, lines: LOG_LINES }, signal)) {
      if (signal.aborted) return;
      if (!message.ok) return this.#set([...lines, this.#style().paint("red", safe(message.error.message))]);
      const { value } = message;
      if ("time" in value) lines.push(logLine(value, this.#style()));
      else if ("gap" in value) lines.push(this.#style().paint("dim", "… lines are missing here"));
      if (lines.length > MAX_LINES) lines = lines.slice(-MAX_LINES / 2);
      this.#set(lines);
    }
  }

  async #load({ id, pane, isService }: Shown, signal: AbortSignal): Promise<void> {
    const lines = pane === "why" ? await this.#why(id) : await this.#events(id, isService);
    if (!signal.aborted) this.#set(lines);
  }

  async #why(id: string): Promise<readonly string[]> {
    const answer = await this.#client.call("why", { id });
    return answer.ok ? describeWhy(answer.value, this.#style(), STORY).split("\n") : [safe(answer.error.message)];
  }

  async #events(id: string, isService: boolean): Promise<readonly string[]> {
    const answer = await this.#client.call("events", { service: id, limit: EVENTS });
    if (!answer.ok) return [safe(answer.error.message)];
    const style = this.#style();
    const named = (text: string, unit: string | null): string => (isService && unit !== null ? `${safe(unit)} ${text}` : text);
    return answer.value.map((event) => named(eventLine(event, style), event.service_id));
  }

  #set(lines: readonly string[]): void {
    this.lines = lines;
    this.#changed();
  }
}
