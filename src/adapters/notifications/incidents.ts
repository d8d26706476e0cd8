import { bodyOf, clip, stateOf, titleOf, type Message, type Notice } from "../../core/notifications/message.ts";

/** One request to a service that manages incidents. Each notice is a separate incident. */
export interface IncidentRequest {
  readonly part: string;
  /** The path that is appended to the address of the service. */
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const SEVERITY = { critical: "critical", warning: "warning", info: "info" } as const;

/** PagerDuty Events API v2. `dedup_key` identifies the incident, so a repeated request has no effect. */
export const pagerDuty = (message: Message, routingKey: string): IncidentRequest[] =>
  message.notices.flatMap((notice) =>
    actionsOf(notice).map(([part, isOver]) => ({ part, path: "", body: pagerDutyEvent(message, notice, isOver, routingKey) })),
  );

function pagerDutyEvent(message: Message, notice: Notice, isOver: boolean, routingKey: string): Record<string, unknown> {
  const dedup = { routing_key: routingKey, event_action: isOver ? "resolve" : "trigger", dedup_key: aliasOf(message, notice, 255) };
  if (isOver) return dedup;
  const { unit, severity, type, since } = notice;
  const own = onlyOf(message, notice);
  return {
    ...dedup,
    client: "sup",
    ...(message.page !== null && { client_url: message.page }),
    payload: {
      summary: clip(`${titleOf(own)}: ${notice.message}`, 1024),
      source: message.host,
      severity: SEVERITY[severity],
      timestamp: since,
      component: unit === "" ? "sup" : unit,
      class: type,
      custom_details: { text: clip(bodyOf(own).join("\n"), 8000) },
    },
  };
}

/** The integration events of Jira Service Management, which took them over from Opsgenie. An alias identifies the alert. */
export const jsm = (message: Message): IncidentRequest[] =>
  message.notices.flatMap((notice) =>
    actionsOf(notice).map(([part, isOver]) => {
      const alias = aliasOf(message, notice, 512);
      if (isOver)
        return {
          part,
          path: `/${encodeURIComponent(alias)}/close?identifierType=alias`,
          body: { source: "sup", note: clip(stateOf(notice), 25_000) },
        };
      return { part, path: "", body: { ...jsmAlert(message, notice), alias } };
    }),
  );

const PRIORITY = { critical: "P1", warning: "P3", info: "P5" } as const;

function jsmAlert(message: Message, notice: Notice): Record<string, unknown> {
  const own = onlyOf(message, notice);
  return {
    message: clip(titleOf(own), 130),
    description: clip(bodyOf(own).join("\n"), 15_000),
    entity: clip(notice.unit === "" ? "sup" : notice.unit, 512),
    source: clip(`sup on ${message.host}`, 100),
    priority: PRIORITY[notice.severity],
    tags: ["sup", notice.type.slice(0, 50)],
  };
}

/**
 * Returns the parts of a notice, each with whether it closes the incident. A test opens an incident and closes it. An episode
 * that began and ended before any message needs no incident.
 */
function actionsOf({ what, episode }: Notice): Array<readonly [part: string, isOver: boolean]> {
  if (what === "past") return [];
  if (what === "test") return [[`${episode} open`, false], [`${episode} close`, true]]; // prettier-ignore
  return [[`${episode} ${what}`, what === "end"]];
}

/** Returns the alias. It does not contain the type of the alert, because the type may change during an episode. */
const aliasOf = ({ host }: Message, { episode, unit }: Notice, most: number): string => `sup:${host}:${unit}:${episode}`.slice(-most);

const onlyOf = (message: Message, notice: Notice): Message => ({ ...message, notices: [notice] });
