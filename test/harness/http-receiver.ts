export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** An HTTP server that keeps what it receives. */
export function receiver(answer: (request: Received, count: number) => Response | Promise<Response> = () => new Response("ok")) {
  const received: Received[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const one = {
        method: request.method,
        path: pathname + search,
        headers: Object.fromEntries(request.headers),
        text: await request.text(),
      };
      received.push(one);
      return answer(one, received.length);
    },
  });
  return {
    received,
    url: `http://127.0.0.1:${server.port}`,
    json: (index = 0) => JSON.parse(received[index]!.text) as never,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
