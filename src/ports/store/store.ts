import type { AlertStore } from "./alerts.ts";
import type { EventHistory } from "./events.ts";
import type { FingerprintStore } from "./fingerprints.ts";
import type { MetricsStore } from "./metrics.ts";
import type { OutboxStore } from "./outbox.ts";
import type { Enablements, KeyValueStore } from "./settings.ts";
import type { TurnStore } from "./turns.ts";
import type { StoreHealth, StoreUpkeep } from "./upkeep.ts";

/** The whole store. Only the code that opens and closes the store uses this type; all other code uses the smaller interfaces. */
export interface Store
  extends
    TurnStore,
    EventHistory,
    MetricsStore,
    AlertStore,
    OutboxStore,
    Enablements,
    KeyValueStore,
    FingerprintStore,
    StoreUpkeep,
    StoreHealth {
  close(): void;
}
