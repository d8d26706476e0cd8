import type { Reason, Severity } from "../../base/words.ts";
import type { NotificationSettings } from "../../spec/notifications.ts";
import type { AlertChange } from "../alerts/alerts.ts";
import type { Draft, DraftNotice } from "./draft.ts";
import { familyOf, OUTAGES, type Episode, type KnownAlert, type Leg, type What } from "./episode.ts";
import { affectedBy, holderOf, type Surroundings } from "./inhibition.ts";
import { quietUntilMs } from "./quiet-hours.ts";
import { DEFAULT_TIMING, routesOf, type Route, type Timing } from "./routing.ts";

/** The time of one call, on both clocks. The wall clock is used only for quiet hours and for times that people read. */
export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** The results of one call: messages to store, and the episodes whose stored state is out of date. A turn of the world has this shape. */
export interface Outcome {
  readonly outbox: Draft[];
  readonly episodes: Set<string>;
}

/**
 * Interval after which a problem that is held back because of another unit is checked again. If `group_wait` is longer, it
 * applies instead.
 */
const HELD_MS = 5000;
/** Maximum time for which a unit that is only temporarily down holds back the problems of its dependents. */
const MOST_HELD_MS = 300_000;

/**
 * Turns alerts into messages: it decides which channel gets a message, when, and about what. It holds one episode for each
 * problem. For each channel, it records which messages about the episode were written. Messages that are due together are
 * combined into one. When a channel reaches its rate limit, its remaining notices are sent with its next message.
 */
export class NotificationBook {
  readonly #around: Surroundings;
  readonly #episodes = new Map<string, Episode>();
  /** The open episode for each unit and family. */
  readonly #current = new Map<string, string>();
  /** The episode of each open alert. */
  readonly #ofAlert = new Map<number, string>();
  #settings: NotificationSettings | null = null;
  /** The time at which the notices that a channel collects at present are due, by channel and waiting time. */
  readonly #collecting = new Map<string, number>();
  /** Times of the recent messages of each channel, oldest first. Messages with critical notices have their own list. */
  readonly #recent = new Map<string, number[]>();
  #dueMs: number | null = null;
  /** Monotonic time until which nothing is sent. */
  #silencedUntilMs = -Infinity;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get(id: string): Episode | undefined {
    return this.#episodes.get(id);
  }

  /** The monotonic time at which the next message is due, or null. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /**
   * Applies settings. At the start of the daemon, it also restores the episodes that an earlier daemon stored. Open alerts
   * without an episode begin one, and a new channel gets messages about all open episodes. Without channels there are no
   * episodes.
   */
  configure(settings: NotificationSettings, open: readonly KnownAlert[], stored: readonly Episode[], at: Moment, outcome: Outcome): void {
    this.#settings = Object.keys(settings.channels).length === 0 ? null : settings;
    for (const episode of stored) this.#restore(episode, at, outcome);
    for (const episode of this.#episodes.values()) this.#reroute(episode, at, outcome);
    if (this.#settings === null) this.#forgetAll(outcome);
    const ids = new Set(open.map(({ id }) => id));
    for (const id of [...this.#ofAlert.keys()]) if (!ids.has(id)) this.#resolved(id, at, outcome);
    for (const alert of open) if (this.#settings !== null && !this.#ofAlert.has(alert.id)) this.#opened(alert, at, outcome);
    this.#rearm();
  }

  /** Suspends sending until the given wall clock time. Problems that are still open then are reported. */
  silence(untilMs: number | null, { nowMs, wallMs }: Moment): void {
    this.#silencedUntilMs = untilMs === null ? -Infinity : nowMs + untilMs - wallMs;
    for (const episode of untilMs === null ? this.#episodes.values() : []) {
      // Messages that only the silence held back are due now.
      const legs = Object.entries(episode.legs).map(([channel, leg]): [string, Leg] => [
        channel,
        leg.isSilenced && leg.next !== null ? { ...leg, isSilenced: false, next: { ...leg.next, readyMs: nowMs } } : leg,
      ]);
      this.#episodes.set(episode.id, { ...episode, legs: Object.fromEntries(legs) });
    }
  }

  /** Stops repeated messages about these alerts. If a problem gets worse, it is reported nevertheless. */
  acknowledge(alerts: readonly number[], { episodes }: Outcome): void {
    for (const alert of alerts) {
      const episode = this.#episodes.get(this.#ofAlert.get(alert) ?? "");
      if (episode === undefined) continue;
      const legs = Object.entries(episode.legs).map(([channel, leg]): [string, Leg] => [
        channel,
        { ...leg, repeatMs: null, next: leg.next?.what === "repeat" ? null : leg.next },
      ]);
      this.#put({ ...episode, legs: Object.fromEntries(legs) }, episodes);
    }
    this.#rearm();
  }

  /** Handles the alerts of a turn at its end, and writes the messages that are due. */
  conclude(alerts: readonly AlertChange[], nowMs: number, wallMs: () => number, outcome: Outcome): void {
    if (this.#settings === null) return;
    if (alerts.length === 0 && (this.#dueMs === null || this.#dueMs > nowMs)) return;
    const at = { nowMs, wallMs: wallMs() };
    for (const change of alerts) {
      if (change.kind === "resolved") this.#resolved(change.id, at, outcome);
      else this.#opened({ id: change.id, sinceMs: at.wallMs, ...change.condition }, at, outcome);
    }
    this.#repeat(at, outcome);
    this.#flush(at, outcome);
    this.#rearm();
  }

  /** Restores a stored episode. After a reboot the monotonic clock begins again, so stored times may be far in the future. */
  #restore(episode: Episode, at: Moment, { episodes }: Outcome): void {
    const legs = Object.entries(episode.legs).map(([channel, leg]): [string, Leg] => {
      const again = leg.next && this.#planned(episode, channel, leg.next.what, at);
      const next = again && { ...again, readyMs: Math.min(again.readyMs, leg.next!.readyMs) };
      const { repeatAfterMs } = this.#timingOf(episode, channel);
      const repeatMs = leg.repeatMs === null || repeatAfterMs === null ? null : Math.min(leg.repeatMs, at.nowMs + repeatAfterMs);
      return [channel, { ...leg, next, repeatMs }];
    });
    this.#put({ ...episode, legs: Object.fromEntries(legs) }, episodes);
  }

  #forgetAll({ episodes }: Outcome): void {
    for (const id of this.#episodes.keys()) episodes.add(id);
    for (const index of [this.#episodes, this.#current, this.#ofAlert]) index.clear();
  }

  #opened(alert: KnownAlert, at: Moment, outcome: Outcome): void {
    const { unit, type, severity, message } = alert;
    const family = familyOf(type);
    const known = this.#episodes.get(this.#current.get(currentKey(unit, family)) ?? "");
    if (known === undefined) {
      const id = `${alert.id}-${Math.floor(alert.sinceMs).toString(36)}`;
      const begun = { id, unit, family, alerts: [alert.id], type, severity, message, sinceMs: alert.sinceMs };
      this.#put({ ...begun, endedMs: null, ending: null, legs: {} }, outcome.episodes);
      return this.#reroute(this.#episodes.get(id)!, at, outcome);
    }
    const isWorse = RANK[severity] < RANK[known.severity] || (type === "failed" && known.type !== "failed");
    const legs = Object.entries(known.legs).map(([channel, leg]): [string, Leg] => [
      channel,
      leg.begun && isWorse ? { ...leg, next: this.#planned(known, channel, "update", at) } : leg,
    ]);
    const changed = { ...known, alerts: [...known.alerts, alert.id], type, severity, message, legs: Object.fromEntries(legs) };
    this.#put(changed, outcome.episodes);
    this.#reroute(changed, at, outcome);
  }

  #resolved(alert: number, at: Moment, outcome: Outcome): void {
    const id = this.#ofAlert.get(alert);
    const episode = id === undefined ? undefined : this.#episodes.get(id);
    this.#ofAlert.delete(alert);
    if (episode === undefined || episode.endedMs !== null) return;
    const alerts = episode.alerts.filter((one) => one !== alert);
    if (alerts.length > 0) return this.#put({ ...episode, alerts }, outcome.episodes);
    const ended = { ...episode, alerts, endedMs: at.wallMs, ending: this.#endingOf(episode) };
    const legs = Object.entries(episode.legs).map(([channel, leg]): [string, Leg] => [channel, this.#endedLeg(ended, channel, leg, at)]);
    this.#put({ ...ended, legs: Object.fromEntries(legs) }, outcome.episodes);
  }

  /**
   * Returns the leg of an episode that has ended. A channel that got a message about the beginning gets one about the end. If
   * a digest or quiet hours held the first message back, one message reports both.
   */
  #endedLeg(episode: Episode, channel: string, leg: Leg, at: Moment): Leg {
    const timing = this.#timingOf(episode, channel);
    const isQuiet = timing.quietHours !== null && quietUntilMs(timing.quietHours, at.wallMs) !== null;
    const isDigest = timing.digestMs !== null || isQuiet;
    if (leg.begun) return { ...leg, repeatMs: null, next: timing.recovery ? this.#planned(episode, channel, "end", at) : null };
    const isHeld = leg.next !== null && this.#isHeld(episode, at);
    return { ...leg, next: isDigest && !isHeld && leg.next !== null ? { what: "past", readyMs: leg.next.readyMs } : null };
  }

  #endingOf({ unit }: Episode): string {
    const target = this.#around.get(unit);
    if (unit === "") return "recovered";
    if (target === undefined) return "the unit was removed";
    return target.unit.want === "up" ? "recovered" : (STOPS[target.unit.reason] ?? "stopped");
  }

  /** Adds the channels that the rules select now, and drops channels that no longer exist. */
  #reroute(episode: Episode, at: Moment, outcome: Outcome): void {
    const legs = Object.fromEntries(
      Object.entries(episode.legs).filter(([channel]) => Object.hasOwn(this.#settings?.channels ?? {}, channel)),
    );
    for (const { channel } of episode.endedMs === null ? this.#routesOf(episode) : [])
      legs[channel] ??= { begun: false, next: this.#planned(episode, channel, "begin", at), repeatMs: null };
    this.#put({ ...episode, legs }, outcome.episodes);
  }

  #routesOf({ unit, type, severity }: Episode): Route[] {
    if (this.#settings === null) return [];
    return routesOf(this.#settings, { unit, type, severity, spec: this.#around.get(unit)?.spec });
  }

  /** Returns the timing of a channel. If the alert has changed since the first message, perhaps no rule selects the channel now. */
  #timingOf(episode: Episode, channel: string): Timing {
    return this.#routesOf(episode).find((route) => route.channel === channel)?.timing ?? DEFAULT_TIMING;
  }

  /**
   * Returns when the message should be sent. Critical messages are sent at once, and so is the last message before the daemon
   * ends. Other messages are collected with those of their channel.
   */
  #planned(episode: Episode, channel: string, what: What, at: Moment): Leg["next"] {
    const { ending } = episode;
    const timing = this.#timingOf(episode, channel);
    if (isCritical(episode) || ending === STOPS.shutdown) return { what, readyMs: at.nowMs };
    const waitMs = what === "repeat" ? 0 : (timing.digestMs ?? timing.groupWaitMs);
    const key = `${channel} ${waitMs}`;
    const joined = this.#collecting.get(key) ?? -1;
    const readyMs = joined > at.nowMs ? joined : at.nowMs + waitMs;
    this.#collecting.set(key, readyMs);
    const quietMs = timing.quietHours === null ? null : quietUntilMs(timing.quietHours, at.wallMs + readyMs - at.nowMs);
    return { what, readyMs: quietMs === null ? readyMs : Math.max(readyMs, at.nowMs + quietMs - at.wallMs) };
  }

  #repeat(at: Moment, outcome: Outcome): void {
    for (const episode of this.#episodes.values()) {
      for (const [channel, leg] of Object.entries(episode.legs)) {
        if (leg.repeatMs === null || leg.repeatMs > at.nowMs || episode.endedMs !== null) continue;
        this.#putLeg(
          episode.id,
          channel,
          { ...leg, repeatMs: null, next: leg.next ?? this.#planned(episode, channel, "repeat", at) },
          outcome,
        );
      }
    }
  }

  #flush(at: Moment, outcome: Outcome): void {
    const ready = new Map<string, Episode[]>();
    for (const episode of this.#episodes.values())
      for (const [channel, { next }] of Object.entries(episode.legs))
        if (next !== null && next.readyMs <= at.nowMs) ready.set(channel, [...(ready.get(channel) ?? []), episode]);
    for (const [channel, episodes] of ready) this.#send(channel, episodes, at, outcome);
  }

  #send(channel: string, episodes: readonly Episode[], at: Moment, outcome: Outcome): void {
    // Critical messages have their own rate limit, so that other messages cannot delay them. Other notices that are ready are
    // sent with them.
    const urgent = { key: `${channel} critical`, freeMs: this.#freeMs(channel, `${channel} critical`, at.nowMs) };
    const normal = { key: channel, freeMs: this.#freeMs(channel, channel, at.nowMs) };
    const isUrgent = urgent.freeMs <= at.nowMs && episodes.some(isCritical);
    const notices: DraftNotice[] = [];
    for (const { id } of episodes) {
      const episode = this.#episodes.get(id)!;
      const leg = episode.legs[channel]!;
      const { what } = leg.next!;
      const bucket = isUrgent || isCritical(episode) ? urgent : normal;
      const waitMs = this.#waitMs(episode, channel, what, bucket.freeMs, at);
      if (waitMs > 0) {
        const isSilenced = this.#silencedUntilMs > at.nowMs;
        this.#putLeg(id, channel, { ...leg, next: { what, readyMs: at.nowMs + waitMs }, ...(isSilenced && { isSilenced }) }, outcome);
        continue;
      }
      notices.push(this.#notice(episode, what));
      const repeatAfterMs = what === "end" || what === "past" ? null : this.#timingOf(episode, channel).repeatAfterMs;
      this.#putLeg(id, channel, { begun: true, next: null, repeatMs: repeatAfterMs === null ? null : at.nowMs + repeatAfterMs }, outcome);
    }
    if (notices.length === 0) return;
    outcome.outbox.push({ channel, notices: notices.sort(byUrgency) });
    const { key } = isUrgent ? urgent : normal;
    this.#recent.set(key, [...(this.#recent.get(key) ?? []), at.nowMs]);
  }

  /** Returns the milliseconds until a ready message may be sent. A silence, the rate limit and other units can delay it. */
  #waitMs(episode: Episode, channel: string, what: What, freeMs: number, at: Moment): number {
    if (this.#silencedUntilMs > at.nowMs) return this.#silencedUntilMs - at.nowMs;
    if (what !== "end" && what !== "past" && this.#isHeld(episode, at))
      return Math.max(HELD_MS, this.#timingOf(episode, channel).groupWaitMs);
    return freeMs - at.nowMs;
  }

  #isHeld(episode: Episode, at: Moment): boolean {
    if (episode.unit === "") return false;
    const holder = holderOf(episode.unit, this.#around, (unit) => this.#isTroubled(unit));
    if (holder === null) return false;
    return holder.why !== "down" || at.wallMs - episode.sinceMs < MOST_HELD_MS;
  }

  #isTroubled(unit: string): boolean {
    return OUTAGES.some((family) => this.#current.has(currentKey(unit, family)));
  }

  /** Returns when the rate limit of the channel allows its next message. If that is possible now, the result is at most `nowMs`. */
  #freeMs(channel: string, key: string, nowMs: number): number {
    const { messages, perMs } = this.#settings!.channels[channel]!.rateLimit;
    const recent = (this.#recent.get(key) ?? []).filter((sentMs) => sentMs + perMs > nowMs);
    this.#recent.set(key, recent);
    return recent.length < messages ? nowMs : recent[recent.length - messages]! + perMs;
  }

  #notice(episode: Episode, what: What): DraftNotice {
    const { id, unit, type, severity, message, sinceMs, endedMs, ending } = episode;
    const affected = OUTAGES.includes(episode.family) && endedMs === null ? affectedBy(unit, this.#around) : [];
    return { episode: id, what, unit, type, severity, message, sinceMs, endedMs, ending, affected };
  }

  #putLeg(id: string, channel: string, leg: Leg, outcome: Outcome): void {
    const episode = this.#episodes.get(id)!;
    this.#put({ ...episode, legs: { ...episode.legs, [channel]: leg } }, outcome.episodes);
  }

  /** Stores the episode. Removes it instead if it has ended and no further message about it is due. */
  #put(episode: Episode, changed: Set<string>): void {
    changed.add(episode.id);
    const isDone = episode.endedMs !== null && Object.values(episode.legs).every(({ next }) => next === null);
    if (isDone) this.#episodes.delete(episode.id);
    else this.#episodes.set(episode.id, episode);
    for (const alert of episode.alerts) this.#ofAlert.set(alert, episode.id);
    const key = currentKey(episode.unit, episode.family);
    if (episode.endedMs === null) this.#current.set(key, episode.id);
    else if (this.#current.get(key) === episode.id) this.#current.delete(key);
  }

  #rearm(): void {
    let earliest: number | null = null;
    for (const { legs } of this.#episodes.values())
      for (const { next, repeatMs } of Object.values(legs))
        for (const ms of [next?.readyMs, repeatMs]) if (ms != null && (earliest === null || ms < earliest)) earliest = ms;
    this.#dueMs = earliest;
  }
}

const isCritical = ({ severity }: Episode): boolean => severity === "critical";

const currentKey = (unit: string, family: string): string => `${unit} ${family}`;

/** How an episode ended if its unit should be down now, by the reason of the unit's state. */
const STOPS: Readonly<Partial<Record<Reason, string>>> = {
  success: "recovered",
  none: "reset by the operator",
  operator: "stopped by the operator",
  shutdown: "stopped, because sup was shut down",
  reload: "stopped by `sup reload`",
};

const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };

/** Sorts problems before endings, then critical ones first, then by the time of their beginning. */
const byUrgency = (a: DraftNotice, b: DraftNotice): number =>
  Number(a.endedMs !== null) - Number(b.endedMs !== null) || RANK[a.severity] - RANK[b.severity] || a.sinceMs - b.sinceMs;
