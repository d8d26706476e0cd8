import { z } from "zod";
import { parseDuration } from "../../base/duration.ts";
import { AGENT_NAME, RUN_NAME } from "../../base/names.ts";
import { FEW_LINES, MANY_LINES, MAX_LINES, MAX_ROWS } from "./limits.ts";
import type { RouteName } from "./routes.ts";
import { attaching, jobRequest, metricsReport, typed } from "./shapes/requests.ts";

const ISO = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i;

/**
 * An ISO 8601 time (UTC unless it names a zone), or a duration such as `10m`, `2h30m` or `90`. A duration means "this long
 * ago". The handler resolves it.
 */
const when = () =>
  z
    .string()
    .refine((text) => ISO.test(text) || parseDuration(text) !== undefined, {
      error: "expected a time (2026-01-31T12:00:00Z) or a duration ago (10m, 2h, 1d)",
    })
    .meta({ description: "ISO 8601 time (UTC unless it names a zone), or a duration ago such as `10m`" });

const described = <T extends z.ZodType>(description: string, schema: T): T => schema.meta({ description });
const flag = (description: string) => described(description, z.boolean().default(false));
const count = (description: string, max: number) => described(description, z.int().min(0).max(max));

const id = () => described("Unit id, with or without `.unit.json`", z.string().max(139));
const nothing = () => z.strictObject({});
const unit = () => z.strictObject({ id: id() });
const wait = () =>
  described("If true, the response is sent when the action is done; if false, as soon as it was requested", z.boolean().default(true));
const dryRun = () => flag("Only report what would happen");
const action = () => z.strictObject({ id: id(), wait: wait(), dry_run: dryRun() });
const enablement = (word: string) => action().extend({ now: flag(`Also ${word} it now`) });

const runName = () =>
  described(
    "A run: its invocation id, or at least the first 4 digits of it; 0 is the latest run, -1 the one before",
    z.string().regex(RUN_NAME, "must be 0, -1, -2 … or 4 to 32 hexadecimal digits"),
  );

const messages = () =>
  z.strictObject({
    ids: described("Ids of messages", z.array(z.int()).max(10_000).default([])),
    channels: described("Names of channels", z.array(z.string().max(64)).max(1000).default([])),
  });

/**
 * The input of every route: one flat object that consists of the `:id` in the path, the query string and, for POST, the keys of
 * the JSON body. Strings of the query are converted to the booleans and numbers that the schema requires. Each row makes its
 * schema when it is called: all schemas together take 2 MB of memory, and most daemons need a few of them.
 */
export const inputs = {
  healthz: nothing,
  openapi: nothing,
  prometheus: nothing,
  status: nothing,
  services: nothing,
  service: () => unit().extend({ pss: flag("Measure pss_mb as well, for which the kernel walks over the memory of the unit's processes") }),
  processes: unit,
  start: action,
  stop: () => action().extend({ cascade: flag("First stop the running units that depend on this one") }),
  restart: action,
  reload: action,
  kill: () => action().extend({ signal: described("`SIGHUP`, `HUP` or `1`; SIGTERM by default", z.string().max(16).optional()) }),
  enable: () => enablement("start"),
  disable: () => enablement("stop"),
  scale: () =>
    action().extend({
      units: described("The number of units, from 1 to 256, or 0 for a service with `instances.min` 0", z.int().optional()),
      reset: flag("Use the number in the unit file again"),
    }),
  rollingRestart: () => unit().extend({ dry_run: dryRun() }),
  rollout: unit,
  controlRollout: () => unit().extend({ action: z.enum(["pause", "resume", "cancel", "promote", "rollback"]) }),
  resetFailed: action,
  serviceHealth: () => unit().extend({ run: flag("Probe now and include the result") }),
  probe: unit,
  serviceLogs: () =>
    unit().extend({
      lines: count(
        `The last n lines; by default ${FEW_LINES}, or ${MANY_LINES} with \`since\`, \`until\` or \`invocation\``,
        MAX_LINES,
      ).optional(),
      since: when().optional(),
      until: when().optional(),
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
  logs: () =>
    z.strictObject({
      units: described(
        "Names, globs and @groups: repeated or separated by commas; all units by default",
        z.array(z.string().min(1).max(200)).max(10_000).default([]),
      ),
      lines: count(`The last n lines; by default ${FEW_LINES}, or ${MANY_LINES} with \`since\` or \`until\``, MAX_LINES).optional(),
      since: when().optional(),
      until: when().optional(),
      grep: described("Only lines that match this regular expression", z.string().min(1).max(500).optional()),
      stream: described("Only this stream", z.enum(["stdout", "stderr"]).optional()),
      follow: flag("Stream new lines as they come"),
    }),
  attach: () => unit().extend(attaching().shape),
  attachInput: () => unit().extend(typed().shape),
  rotateLogs: unit,
  serviceMetrics: () =>
    unit().extend({
      since: when().default("1h"),
      until: when().optional(),
      limit: count("At most this many, the newest ones", MAX_ROWS).default(1000),
    }),
  serviceForecast: unit,
  forecasts: nothing,
  serviceFile: () => unit().extend({ reveal: flag("Include secrets of the environment") }),
  unitText: () => unit().extend({ reveal: flag("Include secrets of the environment, and the ETag") }),
  writeUnit: () =>
    unit().extend({
      text: described("The new content of the file", z.string().max(1 << 20)),
      if_match: described(
        "ETag of the file that is replaced; the header If-Match does the same and takes precedence",
        z.string().max(200).optional(),
      ),
      by: described(
        "Name of the person who makes the change; the history of the unit then contains it",
        z.string().regex(AGENT_NAME, "must be 1 to 64 letters, digits, spaces, _ . @ : / or -").optional(),
      ),
      dry_run: flag("Only check the text and plan the reload"),
    }),
  why: unit,
  explain: unit,
  figures: () => unit().extend({ since: when(), until: when().optional() }),
  diff: () => unit().extend({ from: runName().optional(), to: runName().optional() }),
  jobs: jobRequest,
  job: () => z.strictObject({ id: described("The `job` of an earlier answer", z.string().max(64)), wait: wait() }),
  resolve: () =>
    z.strictObject({
      units: described("Names, globs and @groups: repeated or separated by commas", z.array(z.string().min(1).max(200)).min(1).max(10_000)),
    }),
  run: () =>
    z.strictObject({
      name: described("Id of the unit; generated by default", z.string().max(64).optional()),
      unit: described("The keys of a unit file; at least `command`", z.record(z.string(), z.unknown())),
      stdin: described(
        "The standard input of the first run: `NAME` of a FIFO `stdin-NAME` (mode 0600) that the caller has created in the daemon's runtime directory",
        z
          .string()
          .regex(/^[0-9a-f]{32}$/, "must be 32 hexadecimal digits")
          .optional(),
      ),
      wait: wait(),
      follow: flag("Stream the output, one JSON object per line: {id} first, {end} last"),
      attach: described("With `follow` and a unit with `tty`: attach to its terminal", attaching().optional()),
    }),
  health: nothing,
  report: metricsReport,
  events: () =>
    z.strictObject({
      limit: count("At most this many, the newest ones", MAX_ROWS).default(100),
      service: described("Only events of this unit", z.string().max(139).optional()),
      type: described("Only events of this type", z.string().max(64).optional()),
      since: when().optional(),
    }),
  eventStream: () =>
    z.strictObject({
      last_event_id: described(
        "Resume after this id; the header Last-Event-ID does the same and takes precedence",
        z.int().min(0).optional(),
      ),
    }),
  host: nothing,
  summary: nothing,
  groups: nothing,
  alerts: () => z.strictObject({ open: flag("Only unresolved alerts") }),
  acknowledge: () =>
    z.strictObject({
      ids: described("Ids of alerts", z.array(z.int()).max(10_000).default([])),
      units: described("Units whose open alerts to acknowledge", z.array(z.string().max(139)).max(10_000).default([])),
    }),
  notifications: () => z.strictObject({ limit: count("At most this many messages, the newest ones", MAX_ROWS).default(50) }),
  notificationTest: () => z.strictObject({ channel: described("Only this channel", z.string().max(64).optional()) }),
  notificationRetry: messages,
  notificationDrop: messages,
  notificationSilence: () =>
    z.strictObject({ seconds: described("How long; 0 ends a silence", z.number().min(0).max(2_592_000).default(3600)) }),
  notificationExplain: () =>
    z.strictObject({
      unit: described("Unit id, with or without `.unit.json`", z.string().max(139)),
      type: described("Type of the alert", z.string().min(1).max(64).default("failed")),
    }),
  notificationSimulate: () => z.strictObject({ since: when().default("7d") }),
  graph: nothing,
  reloadUnits: () => z.strictObject({ dry_run: dryRun(), force: flag("Treat a unit directory that does not exist as empty") }),
  session: nothing,
  signIn: () =>
    z.strictObject({
      token: described("The token that `sup token` prints", z.string().max(4096).optional()),
      code: described("The code of a link from `sup dashboard`", z.string().max(128).optional()),
    }),
  signOut: nothing,
  signInLink: nothing,
  reexec: nothing,
  shutdown: () => z.strictObject({ leave: flag("End only the daemon: services keep running, and the next daemon takes them over") }),
} satisfies Record<RouteName, () => z.ZodObject>;
