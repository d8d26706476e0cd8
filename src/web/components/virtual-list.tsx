import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { rowAfter, scrollTo, visibleRows } from "../visible-rows.ts";
import { isTyping } from "./keys.tsx";

export interface ListProps<Item> {
  /** The name of the list for screen readers. */
  readonly label: string;
  readonly items: readonly Item[];
  readonly rowHeight: number;
  readonly keyOf: (item: Item) => string | number;
  /** Returns the cells of a row. `active` is true for the row that was selected with the arrow keys. */
  readonly row: (item: Item, active: boolean) => ComponentChildren;
  readonly rowClass?: (item: Item) => string;
  readonly open: (item: Item) => void;
  /** Handles the space bar and `x` on the row that was selected with the arrow keys. */
  readonly mark?: (item: Item) => void;
  /** The column titles. They stay visible while the list scrolls. */
  readonly head?: ComponentChildren;
  readonly headHeight?: number;
  readonly empty: ComponentChildren;
  readonly class?: string;
}

/**
 * A table of any length. Only the visible rows are in the document. The arrow keys select a row, and the selection follows the
 * item if the order changes. Enter or a click opens the item.
 */
export function VirtualList<Item>(props: ListProps<Item>) {
  const { items, rowHeight, keyOf, headHeight = 0 } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, measure] = useVisibleArea(box, headHeight);
  const [activeKey, setActiveKey] = useState<string | number | null>(null);
  const seen = visibleRows({ count: items.length, rowHeight, top: view.top, height: view.height });
  const activeRow = activeKey === null ? -1 : items.findIndex((item) => keyOf(item) === activeKey);

  const show = (row: number): void => {
    const element = box.current!;
    setActiveKey(keyOf(items[row]!));
    const top = scrollTo(row, rowHeight, element.scrollTop, element.clientHeight - headHeight);
    if (top !== null) element.scrollTop = top;
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "Enter" && activeRow >= 0) {
      if (event.target instanceof HTMLAnchorElement || event.target instanceof HTMLButtonElement) return;
      event.preventDefault();
      return props.open(items[activeRow]!);
    }
    if (event.key === " " && event.target instanceof HTMLInputElement) return; // the browser toggles the checkbox
    if ((event.key === "x" || event.key === " ") && activeRow >= 0 && props.mark) {
      event.preventDefault();
      return props.mark(items[activeRow]!);
    }
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    const row = rowAfter(event.key, activeRow, items.length, page);
    if (row === null) return;
    event.preventDefault();
    show(row);
  };
  useBodyKeys(onKey);

  return (
    <div
      ref={box}
      class={`list ${props.class ?? ""}`}
      role="grid"
      aria-activedescendant={activeRow < 0 ? undefined : rowId(activeKey!)}
      aria-label={props.label}
      aria-rowcount={items.length + (props.head ? 1 : 0)}
      tabIndex={0}
      onScroll={measure}
      onKeyDown={onKey}
    >
      {props.head}
      {items.length === 0 ? (
        <div class="empty" role="row">
          <span role="gridcell">{props.empty}</span>
        </div>
      ) : (
        <div class="list-space" role="rowgroup" style={{ height: `${seen.total}px` }}>
          {items.slice(seen.first, seen.end).map((item, index) => (
            <Row
              key={keyOf(item)}
              list={props}
              item={item}
              at={seen.first + index}
              active={seen.first + index === activeRow}
              choose={() => setActiveKey(keyOf(item))}
            />
          ))}
        </div>
      )}
    </div>
  );
}

/** Returns the visible area of the box, which is its scroll position and its height without the column titles. */
function useVisibleArea(box: RefObject<HTMLDivElement | null>, headHeight: number) {
  const [view, setView] = useState({ top: 0, height: 800 });
  const measure = (): void => setView({ top: box.current!.scrollTop, height: box.current!.clientHeight - headHeight });
  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    measure();
    return () => observer.disconnect();
  }, [headHeight]);
  return [view, measure] as const;
}

interface RowProps<Item> {
  readonly list: ListProps<Item>;
  readonly item: Item;
  readonly at: number;
  readonly active: boolean;
  readonly choose: () => void;
}

function Row<Item>({ list, item, at, active, choose }: RowProps<Item>) {
  return (
    <div
      class={`row ${list.rowClass?.(item) ?? ""} ${active ? "row-active" : ""}`}
      id={rowId(list.keyOf(item))}
      role="row"
      aria-selected={active}
      aria-rowindex={at + (list.head ? 2 : 1)}
      style={{ top: `${at * list.rowHeight}px`, height: `${list.rowHeight}px` }}
      onClick={(event) => {
        // Ignore clicks on links and controls, which have their own effect, and clicks that end the selection of text.
        if ((event.target as Element).closest("a, button, input, label") || String(getSelection()) !== "") return;
        choose();
        list.open(item);
      }}
    >
      {list.row(item, active)}
    </div>
  );
}

const rowId = (key: string | number): string => `row-${key}`;

/** Passes key presses to the list while no other element has the focus. */
function useBodyKeys(onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const { target } = event;
      if (target === document.body || (target instanceof HTMLElement && target.id === "main")) latest.current(event);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}
