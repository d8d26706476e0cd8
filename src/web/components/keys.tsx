import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { go } from "../state/location.ts";
import { Dialog } from "./dialog.tsx";

export const showKeys = signal(false);

const HELP = [
  ["/", "focus the filter or search field"],
  ["↑ ↓ or k j", "previous or next unit"],
  ["Home End PgUp PgDn", "move through the list in large steps"],
  ["Enter", "open the unit"],
  ["x or Space", "select the unit, to act on several"],
  ["Esc", "clear the filter; close a dialog"],
  ["g u, g l, g g, g e, g a", "go to units, logs, graph, events, alerts"],
  ["?", "show this help"],
] as const;

const GO = { u: "units", l: "logs", g: "graph", e: "events", a: "alerts" } as const;
/** The maximum time in milliseconds between the two keys of a shortcut such as `g u`. */
const PAIR_MS = 1500;

/** Handles the global keyboard shortcuts, and shows the dialog that lists them. */
export function Keys() {
  useEffect(() => {
    let gAtMs = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const target = event.timeStamp - gAtMs < PAIR_MS ? GO[event.key as keyof typeof GO] : undefined;
      gAtMs = event.key === "g" && target === undefined ? event.timeStamp : 0;
      if (target === "units") go({ page: target, filter: "" });
      else if (target === "logs") go({ page: target, units: [] });
      else if (target !== undefined) go({ page: target });
      else if (event.key === "?") showKeys.value = true;
      else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("[data-search]");
        if (search === null) return;
        search.focus();
        search.select();
        event.preventDefault();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  if (!showKeys.value) return null;
  return (
    <Dialog title="Keyboard shortcuts" onClose={() => (showKeys.value = false)}>
      <dl class="keys">
        {HELP.map(([keys, words]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => (showKeys.value = false)}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

export const isTyping = (target: EventTarget | null): boolean =>
  (target instanceof HTMLInputElement && target.type !== "checkbox") ||
  target instanceof HTMLSelectElement ||
  target instanceof HTMLTextAreaElement;
