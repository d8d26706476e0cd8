import type { Status } from "./daemon.ts";
import type { Event } from "./events.ts";
import type { Service } from "./service.ts";

/** What the event stream carries after its `id:`; each kind is an SSE event name. */
export type StreamChange =
  | { readonly kind: "snapshot"; readonly data: Status }
  | { readonly kind: "service"; readonly data: Service }
  | { readonly kind: "removed"; readonly data: { readonly id: string } }
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
