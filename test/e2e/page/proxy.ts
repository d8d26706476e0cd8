/** A proxy in front of the daemon. Tests can cut and inspect its event streams. */
export interface Proxy extends Disposable {
  readonly url: string;
  /** Ends the open event streams and refuses new ones until `repair`. */
  cut(): void;
  repair(): void;
  /** For each event stream: the Last-Event-ID of the request, and the text received. */
  readonly streams: Array<{ readonly lastId: string | null; text: string }>;
}

export function proxyTo(target: string, prefix = ""): Proxy {
  const streams: Proxy["streams"] = [];
  const open = new Set<AbortController>();
  let broken = false;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      // Paths outside the prefix belong to another program.
      if (prefix !== "" && pathname !== prefix && !pathname.startsWith(`${prefix}/`)) return new Response("not sup", { status: 404 });
      const isStream = pathname.endsWith("/events/stream");
      if (isStream && broken) return new Response("cut", { status: 502 });
      const control = new AbortController();
      const answer = await fetch(`${target}${pathname.slice(prefix.length) || "/"}${search}`, {
        method: request.method,
        headers: request.headers,
        signal: control.signal,
        decompress: false,
        ...(request.body ? { body: await request.bytes() } : {}),
      } as RequestInit);
      if (!isStream || answer.body === null) return answer;
      open.add(control);
      const record = { lastId: request.headers.get("last-event-id"), text: "" };
      streams.push(record);
      const decoder = new TextDecoder();
      const listen = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, out) {
          record.text += decoder.decode(chunk, { stream: true });
          out.enqueue(chunk);
        },
      });
      return new Response(untilBroken(answer.body.pipeThrough(listen)), { headers: answer.headers });
    },
    error: () => new Response("gone", { status: 502 }),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    streams,
    cut() {
      broken = true;
      for (const control of open) control.abort();
      open.clear();
    },
    repair: () => void (broken = false),
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** Passes the body on; it just ends where its source breaks off. */
function untilBroken(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(control) {
      const part = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (part.done) control.close();
      else control.enqueue(part.value);
    },
    cancel: () => reader.cancel().catch(() => {}),
  });
}
