import { z } from "zod";
import { parseDuration } from "../../base/duration.ts";
import { AGENT_NAME, RUN_NAME } from "../../base/names.ts";
import { FEW_LINES, MANY_LINES, MAX_LINES, MAX_ROWS } from "./limits.ts";
import type { RouteName } from "./routes.ts";
import * as shape from "./shapes.ts";

/**
 * The contract of every route: its input and its output. `input` is one flat object that consists of the `:id` in the path, the
 * query string and, for POST, the keys of the JSON body. Strings of the query are converted to the booleans and numbers that the
 * schema requires. The compiler rejects a route without a row here.
 */
export interface Contract {
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
}

const ISO = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i;

/**
 * An ISO 8601 time (UTC unless it names a zone), or a duration such as `10m`, `2h30m` or `90`. A duration means "this long
 * ago". The handler resolves it.
 */
const when = z
  .string()
  .refine((text) => ISO.test(text) || parseDuration(text) !== undefined, {
    error: "expected a time (2026-01-31T12:00:00Z) or a duration ago (10m, 2h, 1d)",
  })
  .meta({ description: "ISO 8601 time (UTC unless it names a zone), or a duration ago such as `10m`" });

const described = <T extends z.ZodType>(description: string, schema: T): T => schema.meta({ description });
const flag = (description: string) => described(description, z.boolean().default(false));
const count = (description: string, max: number) => described(description, z.int().min(0).max(max));

const id = described("Unit id, with or without `.unit.json`", z.string().max(139));
const nothing = z.strictObject({});
const unit = z.strictObject({ id });
const wait = described(
  "If true, the response is sent when the action is done; if false, as soon as it was requested",
  z.boolean().default(true),
);
const dryRun = flag("Only report what would happen");
const action = z.strictObject({ id, wait, dry_run: dryRun });
const enablement = (word: string) => action.extend({ now: flag(`Also ${word} it now`) });

const runName = described(
  "A run: its invocation id, or at least the first 4 digits of it; 0 is the latest run, -1 the one before",
  z.string().regex(RUN_NAME, "must be 0, -1, -2 … or 4 to 32 hexadecimal digits"),
);

const messages = z.strictObject({
  ids: described("Ids of messages", z.array(z.int()).max(10_000).default([])),
  channels: described("Names of channels", z.array(z.string().max(64)).max(1000).default([])),
});

/** The outcome of an action on one unit, and the state of the unit afterwards. */
export const actionResult = z.object({ outcome: shape.jobOutcome, service: shape.service, warnings: z.array(z.string()) });
export type ActionResult = z.infer<typeof actionResult>;

export const contract = {
  healthz: { input: nothing, output: z.object({ status: z.literal("ok") }) },
  openapi: { input: nothing, output: z.record(z.string(), z.unknown()) },
  prometheus: { input: nothing, output: z.string() },
  status: { input: nothing, output: shape.status },
  services: { input: nothing, output: z.array(z.object({ service: shape.service, units: z.array(shape.service) })) },
  service: {
    input: unit.extend({ pss: flag("Measure pss_mb as well, for which the kernel walks over the memory of the unit's processes") }),
    output: shape.serviceDetail,
  },
  processes: { input: unit, output: z.array(shape.serviceProcess) },
  start: { input: action, output: actionResult },
  stop: { input: action.extend({ cascade: flag("First stop the running units that depend on this one") }), output: actionResult },
  restart: { input: action, output: actionResult },
  reload: { input: action, output: actionResult },
  kill: {
    input: action.extend({ signal: described("`SIGHUP`, `HUP` or `1`; SIGTERM by default", z.string().max(16).optional()) }),
    output: actionResult,
  },
  enable: { input: enablement("start"), output: actionResult },
  disable: { input: enablement("stop"), output: actionResult },
  scale: {
    input: action.extend({
      units: described("The number of units, from 1 to 256", z.int().optional()),
      reset: flag("Use the number in the unit file again"),
    }),
    output: shape.jobResult,
  },
  rollingRestart: { input: unit.extend({ dry_run: dryRun }), output: shape.rolloutStatus },
  rollout: {
    input: unit,
    output: z.object({ rollout: described("Null if there was none since the machine booted", shape.rolloutStatus.nullable()) }),
  },
  controlRollout: {
    input: unit.extend({ action: z.enum(["pause", "resume", "cancel", "promote", "rollback"]) }),
    output: shape.rolloutStatus,
  },
  resetFailed: { input: action, output: actionResult },
  serviceHealth: { input: unit.extend({ run: flag("Probe now and include the result") }), output: shape.serviceHealth },
  probe: { input: unit, output: shape.serviceHealth },
  serviceLogs: {
    input: unit.extend({
      lines: count(
        `The last n lines; by default ${FEW_LINES}, or ${MANY_LINES} with \`since\`, \`until\` or \`invocation\``,
        MAX_LINES,
      ).optional(),
      since: when.optional(),
      until: when.optional(),
      grep: described("Only lines that match this regular expression", z.string().min(1).max(500).optional()),
      stream: described("Only this stream", z.enum(["stdout", "stderr"]).optional()),
      invocation: described(
        "Only lines of one run: its invocation id, or at least the first 4 digits of it; 0 is the latest run, -1 the one before",
        z.string().regex(RUN_NAME, "must be 0, -1, -2 … or 4 to 32 hexadecimal digits").optional(),
      ),
      places: flag("With `follow`: report now and then, as `place`, how far the log was read"),
      after: described("With `follow`: resume after this `place` of an earlier answer", z.string().max(100).optional()),
      follow: flag("Stream new lines as they come, one JSON object per line"),
    }),
    output: z.array(shape.logLine),
  },
  logs: {
    input: z.strictObject({
      units: described("Names, globs and @groups: repeated or separated by commas; all units by default", z.array(z.string().min(1).max(200)).max(10_000).default([])), // prettier-ignore
      lines: count(`The last n lines; by default ${FEW_LINES}, or ${MANY_LINES} with \`since\` or \`until\``, MAX_LINES).optional(),
      since: when.optional(),
      until: when.optional(),
      grep: described("Only lines that match this regular expression", z.string().min(1).max(500).optional()),
      stream: described("Only this stream", z.enum(["stdout", "stderr"]).optional()),
      follow: flag("Stream new lines as they come"),
    }),
    output: z.array(shape.logLine),
  },
  rotateLogs: {
    input: unit,
    output: z.object({ rotated: described("False when the file was empty", z.boolean()) }),
  },
  serviceMetrics: {
    input: unit.extend({
      since: when.default("1h"),
      until: when.optional(),
      limit: count("At most this many, the newest ones", MAX_ROWS).default(1000),
    }),
    output: z.array(shape.metricPoint),
  },
  serviceForecast: { input: unit, output: shape.forecast },
  forecasts: { input: nothing, output: z.array(shape.forecast) },
  serviceFile: { input: unit.extend({ reveal: flag("Include secrets of the environment") }), output: shape.serviceFile },
  unitText: { input: unit.extend({ reveal: flag("Include secrets of the environment, and the ETag") }), output: shape.unitText },
  writeUnit: {
    input: unit.extend({
      text: described("The new content of the file", z.string().max(1 << 20)),
      if_match: described("ETag of the file that is replaced; the header If-Match does the same and takes precedence", z.string().max(200).optional()), // prettier-ignore
      by: described(
        "Name of the person who makes the change; the history of the unit then contains it",
        z.string().regex(AGENT_NAME, "must be 1 to 64 letters, digits, spaces, _ . @ : / or -").optional(),
      ),
      dry_run: flag("Only check the text and plan the reload"),
    }),
    output: shape.unitWrite,
  },
  why: { input: unit, output: shape.why },
  explain: { input: unit, output: shape.explanation },
  figures: { input: unit.extend({ since: when, until: when.optional() }), output: shape.figures },
  diff: { input: unit.extend({ from: runName.optional(), to: runName.optional() }), output: shape.diff },
  jobs: { input: shape.jobRequest, output: shape.jobResult },
  job: { input: z.strictObject({ id: described("The `job` of an earlier answer", z.string().max(64)), wait }), output: shape.jobResult },
  resolve: {
    input: z.strictObject({
      units: described("Names, globs and @groups: repeated or separated by commas", z.array(z.string().min(1).max(200)).min(1).max(10_000)),
    }),
    output: z.object({ units: z.array(z.string()) }),
  },
  run: {
    input: z.strictObject({
      name: described("Id of the unit; generated by default", z.string().max(64).optional()),
      unit: described("The keys of a unit file; at least `command`", z.record(z.string(), z.unknown())),
      stdin: described(
        "The standard input of the first run: `NAME` of a FIFO `stdin-NAME` (mode 0600) that the caller has created in the daemon's runtime directory",
        z
          .string()
          .regex(/^[0-9a-f]{32}$/, "must be 32 hexadecimal digits")
          .optional(),
      ),
      wait,
      follow: flag("Stream the output, one JSON object per line: {id} first, {end} last"),
    }),
    output: z.object({ id: z.string(), outcome: shape.jobOutcome }),
  },
  health: { input: nothing, output: shape.overallHealth },
  report: { input: shape.metricsReport, output: z.object({ accepted: z.int() }) },
  events: {
    input: z.strictObject({
      limit: count("At most this many, the newest ones", MAX_ROWS).default(100),
      service: described("Only events of this unit", z.string().max(139).optional()),
      type: described("Only events of this type", z.string().max(64).optional()),
      since: when.optional(),
    }),
    output: z.array(shape.event),
  },
  eventStream: {
    input: z.strictObject({
      last_event_id: described(
        "Resume after this id; the header Last-Event-ID does the same and takes precedence",
        z.int().min(0).optional(),
      ),
    }),
    output: z.string(),
  },
  host: { input: nothing, output: shape.host },
  summary: { input: nothing, output: shape.summary },
  groups: { input: nothing, output: z.record(z.string(), z.array(z.string())) },
  alerts: { input: z.strictObject({ open: flag("Only unresolved alerts") }), output: z.array(shape.alert) },
  acknowledge: {
    input: z.strictObject({
      ids: described("Ids of alerts", z.array(z.int()).max(10_000).default([])),
      units: described("Units whose open alerts to acknowledge", z.array(z.string().max(139)).max(10_000).default([])),
    }),
    output: z.object({ acknowledged: z.int() }),
  },
  notifications: {
    input: z.strictObject({ limit: count("At most this many messages, the newest ones", MAX_ROWS).default(50) }),
    output: shape.notifications,
  },
  notificationTest: {
    input: z.strictObject({ channel: described("Only this channel", z.string().max(64).optional()) }),
    output: shape.notificationTests,
  },
  notificationRetry: { input: messages, output: z.object({ retried: z.int() }) },
  notificationDrop: { input: messages, output: z.object({ dropped: z.int() }) },
  notificationSilence: {
    input: z.strictObject({ seconds: described("How long; 0 ends a silence", z.number().min(0).max(2_592_000).default(3600)) }),
    output: z.object({ silenced_until: z.iso.datetime().nullable() }),
  },
  notificationExplain: {
    input: z.strictObject({
      unit: described("Unit id, with or without `.unit.json`", z.string().max(139)),
      type: described("Type of the alert", z.string().min(1).max(64).default("failed")),
    }),
    output: shape.notificationExplanation,
  },
  notificationSimulate: { input: z.strictObject({ since: when.default("7d") }), output: shape.notificationSimulation },
  graph: { input: nothing, output: shape.graph },
  reloadUnits: {
    input: z.strictObject({ dry_run: dryRun, force: flag("Treat a unit directory that does not exist as empty") }),
    output: shape.reloadPlan,
  },
  session: { input: nothing, output: shape.session },
  signIn: {
    input: z.strictObject({
      token: described("The token that `sup token` prints", z.string().max(4096).optional()),
      code: described("The code of a link from `sup dashboard`", z.string().max(128).optional()),
    }),
    output: shape.session,
  },
  signOut: { input: nothing, output: shape.session },
  signInLink: { input: nothing, output: z.object({ url: z.string(), expires: z.iso.datetime() }) },
  reexec: { input: nothing, output: z.object({ status: z.literal("re-executing") }) },
  shutdown: {
    input: z.strictObject({ leave: flag("End only the daemon: services keep running, and the next daemon takes them over") }),
    output: z.object({ status: z.literal("stopping") }),
  },
} satisfies Record<RouteName, Contract>;

/**
 * The input that a caller passes, such as `{ id, wait: false }`. A client sends `id` in the path and the rest as query (GET) or
 * JSON body (POST).
 */
export type Input<K extends RouteName> = Given<z.input<(typeof contract)[K]["input"]>>;
/** Allows a caller to omit the argument of a route without input. The type of an empty schema alone would require it. */
type Given<T> = string extends keyof T ? Record<never, never> : T;
/** The input that a handler receives, with defaults filled in. */
export type Parsed<K extends RouteName> = z.output<(typeof contract)[K]["input"]>;
/** The body of a response with status 200. */
export type Output<K extends RouteName> = z.output<(typeof contract)[K]["output"]>;
