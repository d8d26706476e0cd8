import type { View } from "../../api/contract/view.ts";
import type { Order } from "./list.ts";
import type { Pane } from "./detail.ts";

export type TopAction = "start" | "stop" | "restart";

/** What the full screen shows. It is never changed in place. */
export interface TopState {
  readonly view: View;
  readonly order: Order;
  readonly filter: string;
  /** The id of the selected row, or null if the list is empty. */
  readonly selected: string | null;
  readonly pane: Pane;
  /** True if only the right pane is shown, in the whole width, so that its text can be selected and copied. */
  readonly isZoomed: boolean;
  readonly isHelp: boolean;
  /** What the keys are for: a filter is typed, or an action waits for "y". */
  readonly prompt: { readonly kind: "filter" } | { readonly kind: "confirm"; readonly action: TopAction; readonly id: string } | null;
  /** Number of lines by which the right pane is scrolled away from its end, or from its beginning for `why`. 0 follows the log. */
  readonly scroll: number;
  /** The outcome of the last action. */
  readonly notice: { readonly text: string; readonly isError: boolean } | null;
  /** Why there is no connection to the daemon, or null. */
  readonly trouble: string | null;
}

/** What a key does besides changing the state. */
export type TopEffect = { readonly kind: "quit" } | { readonly kind: "act"; readonly action: TopAction; readonly id: string };
