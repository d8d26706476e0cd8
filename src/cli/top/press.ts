import type { Key } from "../screen/keys.ts";
import { ORDERS, type Row } from "./list.ts";
import { type Pane, PANES } from "./detail.ts";
import type { TopAction, TopEffect, TopState } from "./state.ts";

export interface Pressed {
  readonly state: TopState;
  readonly effect?: TopEffect;
}

const ACTIONS: Readonly<Record<string, TopAction>> = { s: "start", x: "stop", r: "restart" };
const PANE_KEYS: Readonly<Record<string, Pane>> = { l: "log", e: "events", w: "why" };

/** Returns what a key changes. `rows` are the rows of the list, `page` is the number of lines of a page. */
export function press(state: TopState, key: Key, rows: readonly Row[], page: number): Pressed {
  if (key === "ctrl-c") return { state, effect: { kind: "quit" } };
  if (state.prompt?.kind === "filter") return { state: typeFilter(state, key) };
  if (state.prompt?.kind === "confirm") return confirm(state, state.prompt, key);
  if (state.isHelp) return { state: { ...state, isHelp: false } };
  const next = { ...state, notice: null };
  if (key === "q") return { state, effect: { kind: "quit" } };
  if (key === "escape") return { state: unwind(next) };
  const action = ACTIONS[key];
  if (action !== undefined) return act(next, action);
  return { state: look(next, key, rows, page) };
}

function typeFilter(state: TopState, key: Key): TopState {
  if (key === "enter") return { ...state, prompt: null };
  if (key === "escape") return { ...state, prompt: null, filter: "" };
  if (key === "backspace") return { ...state, filter: [...state.filter].slice(0, -1).join("") };
  return [...key].length === 1 ? { ...state, filter: state.filter + key } : state;
}

function confirm(state: TopState, { action, id }: { readonly action: TopAction; readonly id: string }, key: Key): Pressed {
  const answered = { ...state, prompt: null };
  return key === "y" || key === "Y" ? { state: answered, effect: { kind: "act", action, id } } : { state: answered };
}

/** Escape leaves the innermost thing first. It does not quit, because a slow connection may send a part of another key as Escape. */
function unwind(state: TopState): TopState {
  if (state.isZoomed) return { ...state, isZoomed: false };
  if (state.scroll > 0) return { ...state, scroll: 0 };
  return { ...state, filter: "" };
}

/** A start cannot break anything that runs, so that only the other actions ask first. */
function act(state: TopState, action: TopAction): Pressed {
  const id = state.selected;
  if (id === null) return { state };
  if (action === "start") return { state, effect: { kind: "act", action, id } };
  return { state: { ...state, prompt: { kind: "confirm", action, id } } };
}

function look(state: TopState, key: Key, rows: readonly Row[], page: number): TopState {
  const pane = PANE_KEYS[key];
  if (pane !== undefined) return { ...state, pane, scroll: 0 };
  switch (key) {
    case "up":
    case "k":
      return move(state, rows, -1);
    case "down":
    case "j":
      return move(state, rows, 1);
    case "home":
    case "g":
      return move(state, rows, -Infinity);
    case "end":
    case "G":
      return move(state, rows, Infinity);
    case "tab":
      return { ...state, pane: PANES[(PANES.indexOf(state.pane) + 1) % PANES.length]!, scroll: 0 };
    case "pageup":
    case "pagedown":
      return { ...state, scroll: Math.max(0, state.scroll + ((key === "pageup") === (state.pane !== "why") ? page : -page)) };
    case "f":
      return { ...state, pane: "log", scroll: 0 };
    case "o":
      return { ...state, order: ORDERS[(ORDERS.indexOf(state.order) + 1) % ORDERS.length]! };
    case "enter":
      return { ...state, isZoomed: !state.isZoomed };
    case "/":
      return { ...state, prompt: { kind: "filter" } };
    case "?":
    case "h":
      return { ...state, isHelp: true };
    default:
      return state;
  }
}

function move(state: TopState, rows: readonly Row[], by: number): TopState {
  if (rows.length === 0) return state;
  const at = rows.findIndex(({ service }) => service.id === state.selected);
  const to = Math.max(0, Math.min(rows.length - 1, at + by));
  return { ...state, selected: rows[to]!.service.id, scroll: 0 };
}
