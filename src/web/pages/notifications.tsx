import type { Notification, NotificationChannel } from "../../api/contract/shapes.ts";
import { Relative } from "../components/marks.tsx";
import { fullTime, plural, shortTime } from "../format.ts";
import { request } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { useRequest } from "../state/use-request.ts";
import { clip, plain } from "../text.ts";

const SHOWN = 20;
const REFRESH_MS = 5000;
const SILENCE_SECONDS = 3600;

/** Shows the channels of notifications and the newest messages. Shows nothing if the settings have no channels. */
export function Notifications() {
  const { value, again } = useRequest("", () => request("notifications", { limit: SHOWN }), REFRESH_MS);
  if (value === null || value.channels.length === 0) return null;
  const { channels, messages, silenced_until: silencedUntil } = value;
  return (
    <section class="notifications" aria-label="Notifications">
      <div class="filter-bar">
        <h2>Notifications</h2>
        <span class="shown" role="status">
          {silencedUntil !== null
            ? `silenced until ${shortTime(silencedUntil, now.value)}`
            : `${plural(channels.length, "channel")}, ${channels.filter(({ trouble }) => trouble !== null).length} failing`}
        </span>
        {mayAct.value && <Buttons isSilenced={silencedUntil !== null} again={again} />}
      </div>
      <ul class="alert-list" aria-label="Channels">
        {channels.map((channel) => (
          <ChannelRow key={channel.name} channel={channel} again={again} />
        ))}
      </ul>
      <ul class="alert-list" aria-label="Messages, newest first">
        {messages.toReversed().map((message) => (
          <MessageRow key={message.id} message={message} />
        ))}
      </ul>
    </section>
  );
}

function Buttons({ isSilenced, again }: { readonly isSilenced: boolean; readonly again: () => void }) {
  const silence = async (): Promise<void> => {
    const answer = await request("notificationSilence", { seconds: isSilenced ? 0 : SILENCE_SECONDS });
    if (!answer.ok) showToast("bad", answer.error.message);
    again();
  };
  return (
    <>
      <button type="button" class="button small" disabled={!isLive.value} onClick={() => void test(null, again)}>
        Test all
      </button>
      <button type="button" class="button small" disabled={!isLive.value} onClick={() => void silence()}>
        {isSilenced ? "End silence" : "Silence for 1 hour"}
      </button>
    </>
  );
}

async function test(channel: string | null, again: () => void): Promise<void> {
  const answer = await request("notificationTest", channel === null ? {} : { channel });
  if (!answer.ok) showToast("bad", answer.error.message);
  else
    for (const { channel: name, ok, detail } of answer.value)
      showToast(ok ? "good" : "bad", `${name}: ${plain(ok ? "test message sent" : detail)}`);
  again();
}

function ChannelRow({ channel, again }: { readonly channel: NotificationChannel; readonly again: () => void }) {
  const { name, kind, trouble, last_error, pending, sent, failed, last_sent_at } = channel;
  const state = trouble !== null ? "failing" : last_error !== null ? "retrying" : "ok";
  const counts = [`${sent} sent`, ...(pending > 0 ? [`${pending} pending`] : []), ...(failed > 0 ? [`${failed} given up`] : [])].join(", ");
  return (
    <li class={`alert ${state === "failing" ? "alert-warning" : ""}`}>
      <span class="alert-severity">
        <span class={`dot tone-${{ failing: "bad", retrying: "warning", ok: "good" }[state]}`} aria-hidden="true" />
        {state}
      </span>
      <span class="alert-unit">{name}</span>
      <span class="alert-type quiet-text">{kind}</span>
      <span class="alert-message wrap">{last_error === null ? counts : `${counts}; ${plain(clip(last_error, 500).text)}`}</span>
      <span class="alert-time quiet-text num">{last_sent_at === null ? "" : <Relative iso={last_sent_at} />}</span>
      <span class="alert-action">
        {mayAct.value && (
          <button
            type="button"
            class="button small"
            disabled={!isLive.value}
            aria-label={`Send a test message to ${name}`}
            onClick={() => void test(name, again)}
          >
            Test
          </button>
        )}
      </span>
    </li>
  );
}

const TONES = { pending: "warning", sent: "good", failed: "bad", dropped: "quiet" } as const;
const WORDS = { pending: "pending", sent: "sent", failed: "given up", dropped: "dropped" } as const;

function MessageRow({ message }: { readonly message: Notification }) {
  const { channel, state, title, text, created_at, last_error } = message;
  return (
    <li class="alert alert-resolved">
      <span class="alert-severity">
        <span class={`dot tone-${TONES[state]}`} aria-hidden="true" />
        {WORDS[state]}
      </span>
      <span class="alert-unit">{channel}</span>
      <span class="alert-type" />
      <span class="alert-message wrap" title={plain(clip(text, 2000).text)}>
        {plain(clip(title, 500).text)}
        {state !== "sent" && last_error !== null && `: ${plain(clip(last_error, 300).text)}`}
      </span>
      <span class="alert-time quiet-text num" title={fullTime(created_at)}>
        {shortTime(created_at, now.value)}
      </span>
      <span class="alert-action" />
    </li>
  );
}
