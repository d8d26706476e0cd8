import { computed } from "@preact/signals";
import type { Alert, Service } from "../../api/contract/shapes.ts";
import { toneOf, troubleOf, type Around, type Tone, type Trouble } from "../trouble.ts";
import { openAlerts } from "./alerts.ts";
import { view } from "./live.ts";

const alertsByUnit = computed((): ReadonlyMap<string, readonly Alert[]> =>
  Map.groupBy(openAlerts.value, ({ service_id }) => service_id ?? ""),
);

/** All units and the open alerts, which the trouble of a unit depends on. */
export const around = computed((): Around => ({ services: view.value.services, alerts: alertsByUnit.value }));

export const troubleNow = (service: Service): Trouble => troubleOf(service, around.value);
export const toneNow = (service: Service): Tone => toneOf(service, around.value);
