import { signal } from "@preact/signals";

/** The ids of the units and services that are selected in the list. */
export const selection = signal<ReadonlySet<string>>(new Set());

export function toggleSelected(id: string): void {
  const next = new Set(selection.value);
  if (!next.delete(id)) next.add(id);
  selection.value = next;
}

export function selectAll(ids: Iterable<string>): void {
  selection.value = new Set(ids);
}

export const clearSelection = (): void => selectAll([]);
