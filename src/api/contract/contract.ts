import { z } from "zod";
import type { inputs } from "./inputs.ts";
import type { RouteName } from "./routes.ts";
import * as shape from "./shapes.ts";

const described = <T extends z.ZodType>(description: string, schema: T): T => schema.meta({ description });

/** The outcome of an action on one unit, and the state of the unit afterwards. */
export const actionResult = z.object({ outcome: shape.jobOutcome, service: shape.service, warnings: z.array(z.string()) });
export type ActionResult = z.infer<typeof actionResult>;

/**
 * The body of every route's response with status 200. The server takes only the types from here, because the schemas need 4 MB
 * of memory. The compiler rejects a route without a row here and in `inputs`.
 */
export const outputs = {
  healthz: z.object({ status: z.literal("ok") }),
  openapi: z.record(z.string(), z.unknown()),
  prometheus: z.string(),
  status: shape.status,
  services: z.array(z.object({ service: shape.service, units: z.array(shape.service) })),
  service: shape.serviceDetail,
  processes: z.array(shape.serviceProcess),
  start: actionResult,
  stop: actionResult,
  restart: actionResult,
  reload: actionResult,
  kill: actionResult,
  enable: actionResult,
  disable: actionResult,
  scale: shape.jobResult,
  rollingRestart: shape.rolloutStatus,
  rollout: z.object({ rollout: described("Null if there was none since the machine booted", shape.rolloutStatus.nullable()) }),
  controlRollout: shape.rolloutStatus,
  resetFailed: actionResult,
  serviceHealth: shape.serviceHealth,
  probe: shape.serviceHealth,
  serviceLogs: z.array(shape.logLine),
  logs: z.array(shape.logLine),
  attach: shape.terminalMessage,
  attachInput: z.object({ typed: z.boolean() }),
  rotateLogs: z.object({ rotated: described("False when the file was empty", z.boolean()) }),
  serviceMetrics: z.array(shape.metricPoint),
  serviceForecast: shape.forecast,
  forecasts: z.array(shape.forecast),
  serviceFile: shape.serviceFile,
  unitText: shape.unitText,
  writeUnit: shape.unitWrite,
  why: shape.why,
  explain: shape.explanation,
  figures: shape.figures,
  diff: shape.diff,
  jobs: shape.jobResult,
  job: shape.jobResult,
  resolve: z.object({ units: z.array(z.string()) }),
  run: z.object({ id: z.string(), outcome: shape.jobOutcome }),
  health: shape.overallHealth,
  report: z.object({ accepted: z.int() }),
  events: z.array(shape.event),
  eventStream: z.string(),
  host: shape.host,
  summary: shape.summary,
  groups: z.record(z.string(), z.array(z.string())),
  alerts: z.array(shape.alert),
  acknowledge: z.object({ acknowledged: z.int() }),
  notifications: shape.notifications,
  notificationTest: shape.notificationTests,
  notificationRetry: z.object({ retried: z.int() }),
  notificationDrop: z.object({ dropped: z.int() }),
  notificationSilence: z.object({ silenced_until: z.iso.datetime().nullable() }),
  notificationExplain: shape.notificationExplanation,
  notificationSimulate: shape.notificationSimulation,
  graph: shape.graph,
  reloadUnits: shape.reloadPlan,
  session: shape.session,
  signIn: shape.session,
  signOut: shape.session,
  signInLink: z.object({ url: z.string(), expires: z.iso.datetime() }),
  reexec: z.object({ status: z.literal("re-executing") }),
  shutdown: z.object({ status: z.literal("stopping") }),
} satisfies Record<RouteName, z.ZodType>;

/**
 * The input that a caller passes, such as `{ id, wait: false }`. A client sends `id` in the path and the rest as query (GET) or
 * JSON body (POST).
 */
export type Input<K extends RouteName> = Given<z.input<ReturnType<(typeof inputs)[K]>>>;
/** Allows a caller to omit the argument of a route without input. The type of an empty schema alone would require it. */
type Given<T> = string extends keyof T ? Record<never, never> : T;
/** The input that a handler receives, with defaults filled in. */
export type Parsed<K extends RouteName> = z.output<ReturnType<(typeof inputs)[K]>>;
/** The body of a response with status 200. */
export type Output<K extends RouteName> = z.output<(typeof outputs)[K]>;
