/** A client of server-sent events (HTML standard, 9.2), as small as a test needs it. */
export interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface SseStream extends AsyncDisposable {
  /** All messages so far. */
  readonly seen: readonly Message[];
  /** Reads on until a message fits; throws when the stream ends or `timeoutMs` is over. */
  next(fits: (message: Message) => boolean, timeoutMs?: number): Promise<Message>;
}

export async function openSse(url: string, init: RequestInit): Promise<SseStream> {
  const abort = new AbortController();
  const answer = await fetch(url, { ...init, signal: abort.signal });
  if (!answer.ok || !answer.body) throw new Error(`cannot open the stream: ${answer.status} ${await answer.text()}`);
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  const seen: Message[] = [];
  let rest = "";
  let taken = 0;

  const read = async (deadline: number): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`no fitting message came; seen: ${JSON.stringify(seen.slice(-5))}`)), deadline - performance.now()); // prettier-ignore
    try {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) throw new Error("the stream ended");
      rest += decoder.decode(value, { stream: true });
    } finally {
      clearTimeout(timer);
    }
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const message = parse(block);
      if (message) seen.push(message);
    }
  };
  return {
    seen,
    async next(fits, timeoutMs = 10_000) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        while (taken < seen.length) {
          const message = seen[taken++]!;
          if (fits(message)) return message;
        }
        await read(deadline);
      }
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reader.cancel().catch(() => undefined); // it was aborted: that is the point
    },
  };
}

/** Null for what is dispatched to nobody: without data, as a comment or a `retry:`. */
function parse(block: string): Message | null {
  const fields = block.split("\n").filter((line) => !line.startsWith(":"));
  const of = (name: string): string => fields.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, "")).join("\n"); // prettier-ignore
  return of("data") === "" ? null : { id: of("id"), event: of("event"), data: of("data") };
}
