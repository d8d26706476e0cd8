import type { RouteName } from "../../contract/routes.ts";
import * as alerts from "./alerts.ts";
import * as attaching from "./attach.ts";
import * as daemon from "./daemon.ts";
import * as events from "./events.ts";
import type { Handler } from "./handler.ts";
import * as health from "./health.ts";
import * as jobs from "./jobs.ts";
import * as logs from "./logs.ts";
import * as metrics from "./metrics.ts";
import * as notifications from "./notifications.ts";
import * as services from "./services.ts";
import * as sessions from "./session.ts";
import * as runs from "./run.ts";
import * as units from "./units.ts";

/** The handler of every route. It is a compile error if a route has no handler. */
export const handlers: { readonly [K in RouteName]: Handler<K> } = {
  ...alerts,
  ...attaching,
  ...daemon,
  ...events,
  ...health,
  ...jobs,
  ...logs,
  ...metrics,
  ...notifications,
  ...runs,
  ...services,
  ...sessions,
  ...units,
};
