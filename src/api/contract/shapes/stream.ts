import type { Status, UnitFiles } from "./daemon.ts";
import type { Event } from "./events.ts";
import type { Service } from "./service.ts";

/** A change in the event stream. The line `id:` precedes it, and its kind is the name of the SSE event. */
export type StreamChange =
  | { readonly kind: "snapshot"; readonly data: Status }
  | { readonly kind: "service"; readonly data: Service }
  | { readonly kind: "removed"; readonly data: { readonly id: string } }
  | { readonly kind: "files"; readonly data: UnitFiles }
  | { readonly kind: "event"; readonly data: Event }
  | {
      readonly kind: "metrics";
      readonly data: ReadonlyArray<{
        readonly id: string;
        readonly cpu_percent: number | null;
        readonly memory_mb: number | null;
        readonly tasks: number | null;
        readonly open_files: number | null;
      }>;
    };
