import type { Attempt, SendResult } from "../../ports/notifier.ts";

/** A part of a message that is delivered by its own request. The name "" stands for the whole message. */
export interface Part {
  readonly name: string;
  readonly send: () => Promise<SendResult>;
}

/**
 * Sends the parts that were not delivered yet, one after the other. A temporary failure ends the attempt, because the
 * remaining parts would probably fail too. If a part is refused, the remaining parts are still sent.
 */
export async function sendParts(parts: readonly Part[], { done, onPart }: Pick<Attempt, "done" | "onPart">): Promise<SendResult> {
  let last: SendResult = { ok: true, detail: "nothing to send" };
  let refused: SendResult | null = null;
  for (const { name, send } of parts) {
    if (done.includes(name)) continue;
    const result = await send();
    if (!result.ok && result.kind === "temporary") return result;
    if (result.ok) last = result;
    else refused ??= result;
    if (name !== "") onPart(name);
  }
  return refused ?? last;
}
