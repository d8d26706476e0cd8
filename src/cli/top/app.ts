import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import { applyChange, emptyView } from "../../api/contract/view.ts";
import type { Context } from "../context.ts";
import type { TableStyle } from "../render/status-table.ts";
import { keysOf } from "../screen/keys.ts";
import { Painter } from "../screen/painter.ts";
import { Detail } from "./detail.ts";
import { frame, pageOf } from "./frame.ts";
import { listRows, type Order, type Row } from "./list.ts";
import { press } from "./press.ts";
import type { TopEffect, TopState } from "./state.ts";

/** The minimum time between two frames that changes in the daemon cause. Keys are answered at once. */
const FRAME_MS = 100;
/** How often uptimes are updated, and how often a lost daemon is tried again. */
const SECOND_MS = 1000;
/** The pause before the detail of a newly selected unit is loaded, so that a held arrow key does not load each unit. */
const SELECT_MS = 80;

/** Shows the full screen until the user quits. Restores the terminal whatever happens. Returns the exit code. */
export async function runTop(context: Context, order: Order): Promise<number> {
  const { host } = context;
  const app = new TopApp(context, order);
  const { promise: quit, resolve: end } = Promise.withResolvers<ApiError | null>();
  const stops = [
    host.keys((text) => app.keys(text, () => end(null))),
    host.ending(() => end(null)),
    host.onResize(() => app.resize()),
    host.atExit(() => app.leave()),
  ];
  app.enter();
  let failure: ApiError | null;
  try {
    failure = await Promise.race([quit, app.follow()]);
  } finally {
    app.leave();
    for (const stop of stops) stop();
  }
  return failure === null ? EXIT.done : context.fail(failure);
}

class TopApp {
  readonly #context: Context;
  readonly #painter: Painter;
  readonly #detail: Detail;
  #state: TopState;
  #frameTimer: Timer | null = null;
  #detailTimer: Timer | null = null;
  #secondTimer: Timer | null = null;
  /** What the right pane shows, as one string. */
  #shownKey = "";
  #isOpen = false;

  constructor(context: Context, order: Order) {
    this.#context = context;
    this.#painter = new Painter((text) => context.host.write(1, text));
    this.#detail = new Detail(
      context.client,
      () => this.#style(),
      () => this.#drawSoon(),
    );
    this.#state = {
      ...{ view: emptyView(), order, filter: "", selected: null, pane: "log", isZoomed: false, isHelp: false },
      ...{ prompt: null, scroll: 0, notice: null, trouble: null },
    };
  }

  enter(): void {
    this.#isOpen = true;
    this.#painter.enter();
    this.#secondTimer = setInterval(() => this.#draw(), SECOND_MS);
    this.#draw();
  }

  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const timer of [this.#frameTimer, this.#detailTimer, this.#secondTimer]) if (timer !== null) clearTimeout(timer);
    this.#detail.stop();
    this.#painter.leave();
  }

  resize(): void {
    this.#painter.clear();
    this.#draw();
  }

  keys(text: string, quit: () => void): void {
    for (const key of keysOf(text)) {
      const { state, effect } = press(this.#state, key, this.#rows(), pageOf(this.#size()));
      this.#state = state;
      if (effect?.kind === "quit") return quit();
      if (effect !== undefined) void this.#act(effect);
    }
    this.#draw();
  }

  /** Follows the daemon, also the next one. Returns an error only if there is no daemon at the beginning. */
  async follow(): Promise<ApiError | null> {
    const { client, host } = this.#context;
    for (let wasConnected = false; ;) {
      for await (const message of client.events()) {
        if (!this.#isOpen) return null;
        if (!message.ok) {
          if (!wasConnected) return message.error;
          this.#state = { ...this.#state, trouble: message.error.message };
          break;
        }
        const { id, change } = message.value;
        const view = applyChange(this.#state.view, id, change);
        this.#state = { ...this.#state, view, trouble: null };
        if (change.kind === "snapshot" && wasConnected) this.#detail.reload();
        else if (concerns(change, this.#state.selected)) this.#detail.refresh();
        wasConnected = true;
        this.#drawSoon();
      }
      this.#draw();
      await host.sleep(SECOND_MS);
      if (!this.#isOpen) return null;
    }
  }

  async #act({ action, id }: Extract<TopEffect, { kind: "act" }>): Promise<void> {
    const answer = await this.#context.client.call("jobs", { action, units: [id], wait: false });
    const failed = answer.ok ? answer.value.outcomes.find(({ result }) => result === "failed") : undefined;
    const text = answer.ok ? (failed?.message ?? answer.value.outcomes[0]?.message ?? "") : answer.error.message;
    const warning = answer.ok ? answer.value.warnings[0] : undefined;
    const words = failed === undefined && answer.ok ? (warning ?? `${action} requested${text === "" ? "" : `: ${text}`}`) : text;
    this.#state = { ...this.#state, notice: { text: `${id}: ${words}`, isError: !answer.ok || failed !== undefined } };
    this.#draw();
  }

  #style(): TableStyle {
    const { paint, host } = this.#context;
    return { paint, width: host.columns(), now: host.now() };
  }

  #size(): { readonly state: TopState; readonly columns: number; readonly height: number } {
    const { host } = this.#context;
    return { state: this.#state, columns: host.columns() || 80, height: host.rows() || 24 };
  }

  #rows(): Row[] {
    const { view, order, filter } = this.#state;
    return listRows(view, order, filter, this.#context.host.now());
  }

  #drawSoon(): void {
    this.#frameTimer ??= setTimeout(() => this.#draw(), FRAME_MS);
  }

  #draw(): void {
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
    if (!this.#isOpen) return;
    const rows = this.#rows();
    const isKnown = rows.some(({ service }) => service.id === this.#state.selected);
    if (!isKnown) this.#state = { ...this.#state, selected: rows[0]?.service.id ?? null, scroll: 0 };
    this.#showDetail(rows);
    const { paint, host } = this.#context;
    this.#painter.draw(frame({ ...this.#size(), rows, detail: this.#detail.lines, paint, now: host.now() }));
  }

  #showDetail(rows: readonly Row[]): void {
    const { selected, pane } = this.#state;
    const key = `${selected} ${pane}`;
    if (key === this.#shownKey) return;
    this.#shownKey = key;
    if (this.#detailTimer !== null) clearTimeout(this.#detailTimer);
    const isService = rows.some(({ service, isService: is }) => is && service.id === selected);
    const show = (): void => this.#detail.show(selected === null ? null : { id: selected, pane, isService });
    this.#detailTimer = setTimeout(show, SELECT_MS);
  }
}

/** Returns true if the change may change the events or the story of a unit. Samples do not. */
const concerns = (change: Parameters<typeof applyChange>[2], id: string | null): boolean =>
  change.kind === "event" && id !== null && (change.data.service_id === id || change.data.service_id?.startsWith(`${id}@`) === true);
