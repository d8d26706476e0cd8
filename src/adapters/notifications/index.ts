/** Delivers messages on channels of every type. */
import type { Attempt, Notifier, SendResult } from "../../ports/notifier.ts";
import { sendExec, type ExecDeps } from "./exec.ts";
import { request } from "./http.ts";
import { Secrets } from "./secrets.ts";
import { sendSms } from "./sms.ts";
import { sendWebhook } from "./webhook.ts";

export interface NotifierOptions extends ExecDeps {
  /** Version of sup, for the User-Agent `sup/VERSION`. */
  readonly version: string;
}

export function openNotifier(options: NotifierOptions): Notifier {
  const agent = `sup/${options.version}`;
  return {
    send: (attempt) => guarded((secrets) => deliver(attempt, secrets, options, agent)),
    beat: ({ url }, signal) =>
      guarded(async (secrets) => {
        const target = secrets.readUrl(url);
        if (!target.ok) return { ok: false, kind: "temporary", detail: target.error, retryAfterMs: null };
        return request({ method: "GET", url: target.value, headers: { "user-agent": agent }, body: null }, signal);
      }),
  };
}

async function deliver(attempt: Attempt, secrets: Secrets, options: ExecDeps, agent: string): Promise<SendResult> {
  const { channel } = attempt;
  switch (channel.type) {
    case "webhook":
      return sendWebhook(channel, attempt, secrets, agent);
    case "sms":
      return sendSms(channel, attempt, secrets, agent);
    case "exec":
      return sendExec(channel, attempt, options);
    case "email": {
      // Loaded at the first mail: most daemons never send one.
      const { sendEmail } = await import("./email.ts");
      return sendEmail(channel, attempt, secrets);
    }
  }
}

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
