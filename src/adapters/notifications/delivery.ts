import type { Attempt, SendResult } from "../../ports/notifier.ts";
import type { HeartbeatSpec } from "../../spec/notifications.ts";
import { sendExec, type ExecDeps } from "./exec.ts";
import { request } from "./http.ts";
import { Secrets } from "./secrets.ts";
import { sendSms } from "./sms.ts";
import { sendWebhook } from "./webhook.ts";

export const deliver = (attempt: Attempt, deps: ExecDeps, agent: string): Promise<SendResult> =>
  guarded((secrets) => send(attempt, secrets, deps, agent));

/** Requests the URL of the heartbeat. */
export const beat = ({ url }: HeartbeatSpec, agent: string, signal: AbortSignal): Promise<SendResult> =>
  guarded(async (secrets) => {
    const target = secrets.readUrl(url);
    if (!target.ok) return { ok: false, kind: "temporary", detail: target.error, retryAfterMs: null };
    return request({ method: "GET", url: target.value, headers: { "user-agent": agent }, body: null }, signal);
  });

async function send(attempt: Attempt, secrets: Secrets, deps: ExecDeps, agent: string): Promise<SendResult> {
  const { channel } = attempt;
  switch (channel.type) {
    case "webhook":
      return sendWebhook(channel, attempt, secrets, agent);
    case "sms":
      return sendSms(channel, attempt, secrets, agent);
    case "exec":
      return sendExec(channel, attempt, deps);
    case "email": {
      // The package for SMTP is loaded at the first mail.
      const { sendEmail } = await import("./email.ts");
      return sendEmail(channel, attempt, secrets);
    }
  }
}

/** Turns exceptions into failures, and hides secrets in the results. */
async function guarded(action: (secrets: Secrets) => Promise<SendResult>): Promise<SendResult> {
  const secrets = new Secrets();
  try {
    const result = await action(secrets);
    return { ...result, detail: secrets.hide(result.detail) };
  } catch (error) {
    const detail = secrets.hide(error instanceof Error ? error.message : String(error));
    return { ok: false, kind: "temporary", detail, retryAfterMs: null };
  }
}
