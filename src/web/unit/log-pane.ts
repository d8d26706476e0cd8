import type { LogLineShape } from "../../api/contract/shapes.ts";
import { spansOf } from "../ansi.ts";
import { fullTime, logTime, plural } from "../format.ts";
import { unitHref } from "../route.ts";
import { clip } from "../text.ts";
import { isShown, LevelReader, type MinLevel } from "../log-level.ts";
import { findAll, Joiner, type Line } from "./log-lines.ts";

/**
 * Shows the lines of a log in the document. The framework is not used here, because a service may write a thousand lines per
 * second. Each line becomes an element once, and is never compared with a new version. Text is never inserted as markup.
 */
export class LogPane {
  readonly #box: HTMLElement;
  readonly #onCount: (held: number) => void;
  readonly #joiner = new Joiner();
  #levels = new LevelReader();
  readonly #elements = new Map<Line, HTMLElement>();
  #waiting: Array<LogLineShape | { readonly gap: number }> = [];
  #held: Array<LogLineShape | { readonly gap: number }> = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #paused = false;
  grep = "";
  /** Lines below this level are not shown. */
  minLevel: MinLevel = "";
  /** Loads the lines around a line. Null if the pane shows all lines, so that no line needs a button for this. */
  loadContext: ((line: Line) => Promise<Context | null>) | null = null;

  /** True if the pane stays at the end of the log unless it is paused. False if it shows an earlier time. */
  follows = true;

  /** Calls `onCount` with the number of lines that wait because the log is paused. */
  constructor(box: HTMLElement, onCount: (held: number) => void) {
    this.#box = box;
    this.#onCount = onCount;
    // If the size of the box changes, lines wrap differently, and the end moves without a scroll event.
    new ResizeObserver(() => this.follows && !this.#paused && this.toEnd()).observe(box);
  }

  push(message: LogLineShape | { readonly gap: number }): void {
    if (this.#paused) {
      this.#held.push(message);
      if (this.#held.length > 2 * MOST_LINES) this.#held.splice(0, MOST_LINES);
    } else this.#waiting.push(message);
    this.#timer ??= setTimeout(() => this.flush(), FRAME_MS);
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    if (!paused) this.#waiting.push(...this.#held);
    this.#held = [];
    this.flush();
  }

  clear(): void {
    this.#joiner.clear();
    this.#levels = new LevelReader();
    this.#elements.clear();
    this.#waiting = [];
    this.#held = [];
    this.#box.replaceChildren();
  }

  /** Inserts lines before the first line. */
  prepend(lines: readonly LogLineShape[]): void {
    const joiner = new Joiner();
    const levels = new LevelReader();
    const made: HTMLElement[] = [];
    for (const message of lines) {
      const { line, replaces } = joiner.push(message);
      if (replaces) made.pop();
      made.push(this.#element(line, levels));
    }
    const before = this.#box.scrollHeight;
    this.#box.prepend(...made);
    this.#box.scrollTop += this.#box.scrollHeight - before; // keep the visible lines in place
  }

  get isAtEnd(): boolean {
    return this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < 24;
  }

  toEnd(): void {
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#onCount(this.#held.length);
    if (this.#waiting.length === 0) return;
    const stick = this.follows && this.isAtEnd;
    const messages = this.#waiting.slice(-MOST_LINES);
    this.#waiting = [];
    const fresh = document.createDocumentFragment();
    for (const message of messages) this.#add(message, fresh);
    this.#box.append(fresh);
    for (let over = this.#box.childElementCount - MOST_LINES; over > 0; over--) this.#box.firstElementChild!.remove();
    if (stick) this.toEnd();
  }

  #add(message: LogLineShape | { readonly gap: number }, fresh: DocumentFragment): void {
    if ("gap" in message) {
      const note = document.createElement("div");
      note.className = "log-gap";
      note.textContent = `${plural(message.gap, "line")} came too fast to be shown; the log file has them`;
      fresh.append(note);
      return;
    }
    const { line, replaces } = this.#joiner.push(message);
    const element = this.#element(line, this.#levels);
    const before = replaces && this.#elements.get(replaces);
    if (replaces) this.#elements.delete(replaces);
    if (line.open) this.#elements.set(line, element);
    if (before?.parentNode) before.replaceWith(element);
    else fresh.append(element);
  }

  /** Context lines are shown whatever their level is, and have no buttons. */
  #element(line: Line, levels: LevelReader, isContext = false): HTMLElement {
    const element = document.createElement("div");
    const level = levels.read(line);
    element.className = `log-line log-${line.stream}${level === null ? "" : ` level-${level}`}`;
    element.hidden = !isContext && !isShown(level, this.minLevel);
    element.append(isContext || this.loadContext === null ? timeOf(line) : this.#nearButton(line, element));
    if (line.unit !== null) element.append(unitLabel(line.unit));
    const text = document.createElement("span");
    text.className = "log-text";
    this.#fill(text, line.text, MOST_SHOWN);
    element.append(text);
    return element;
  }

  /** Returns the time of a line as a button that shows the lines around this one. */
  #nearButton(line: Line, element: HTMLElement): HTMLElement {
    const time = timeOf(line);
    if (line.time === "") return time;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "log-near";
    button.title = "Show the lines around this one";
    button.setAttribute("aria-expanded", "false");
    button.append(time);
    button.addEventListener("click", () => void this.#toggleContext(line, element, button));
    return button;
  }

  async #toggleContext(line: Line, element: HTMLElement, button: HTMLElement): Promise<void> {
    const load = this.loadContext;
    if (button.getAttribute("aria-expanded") === "true") {
      for (const near of [element.previousElementSibling, element.nextElementSibling])
        if (near?.classList.contains("log-context")) near.remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    button.setAttribute("aria-expanded", "true");
    const found = await load!(line);
    if (found === null || !element.isConnected || button.getAttribute("aria-expanded") !== "true") return;
    const before = element.offsetTop;
    element.before(this.#context(found.before, line.unit));
    element.after(this.#context(found.after, null));
    this.#box.scrollTop += element.offsetTop - before; // keep the line in place
  }

  /** `unit` is the unit whose whole log the context links to, or null. */
  #context(lines: readonly LogLineShape[], unit: string | null): HTMLElement {
    const box = document.createElement("div");
    box.className = "log-context";
    if (unit !== null) box.append(logLink(unit));
    const [joiner, levels] = [new Joiner(), new LevelReader()];
    for (const message of lines) {
      const { line, replaces } = joiner.push(message);
      if (replaces) box.lastElementChild?.remove();
      box.append(this.#element(line, levels, true));
    }
    return box;
  }

  #fill(box: HTMLElement, whole: string, most: number): void {
    const { text, rest } = clip(whole, most);
    box.replaceChildren();
    for (const span of spansOf(text)) append(box, span.text, span.style, this.grep);
    if (rest === 0) return;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "log-more";
    more.textContent = most < MOST_OPENED ? `… ${rest} more characters` : `… ${rest} more characters in the download`;
    more.disabled = most >= MOST_OPENED;
    more.addEventListener("click", () => this.#fill(box, whole, MOST_OPENED));
    box.append(more);
  }
}

/** The lines before and after a line. */
export interface Context {
  readonly before: readonly LogLineShape[];
  readonly after: readonly LogLineShape[];
}

function timeOf({ time, stream }: Line): HTMLElement {
  const element = document.createElement("time");
  if (time === "") return element; // the lines of a `raw` log have no time
  element.textContent = logTime(time);
  element.title = `${fullTime(time)} ${stream}`;
  element.dateTime = time;
  return element;
}

const COLOURS = 6;

/** Returns the name of a unit. Units have different colours, so that their lines can be told apart. */
function unitLabel(unit: string): HTMLElement {
  const label = document.createElement("span");
  let hash = 0;
  for (let i = 0; i < unit.length; i++) hash = (hash * 31 + unit.charCodeAt(i)) >>> 0;
  label.className = `log-unit log-unit-${hash % COLOURS}`;
  label.textContent = label.title = unit;
  return label;
}

function logLink(unit: string): HTMLElement {
  const link = document.createElement("a");
  link.className = "log-whole";
  link.href = unitHref(unit, "logs");
  link.textContent = `Log of ${unit}`;
  return link;
}

const FRAME_MS = 80;
export const MOST_LINES = 2000;
/** The maximum number of characters of a line that are shown. The second value applies after the user has expanded the line. */
const MOST_SHOWN = 4000;
const MOST_OPENED = 200_000;

function append(box: HTMLElement, text: string, style: string, grep: string): void {
  let from = 0;
  for (const [start, end] of findAll(text, grep)) {
    if (start > from) box.append(piece("span", text.slice(from, start), style));
    box.append(piece("mark", text.slice(start, end), style));
    from = end;
  }
  if (from < text.length) box.append(piece("span", text.slice(from), style));
}

function piece(tag: "span" | "mark", text: string, style: string): Node {
  if (tag === "span" && style === "") return document.createTextNode(text);
  const element = document.createElement(tag);
  element.className = style;
  element.textContent = text;
  return element;
}
