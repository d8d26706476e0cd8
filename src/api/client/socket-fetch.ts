import { request } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";

/**
 * Returns a `fetch` for requests over a unix socket. It works on every runtime, while the `fetch` of Node.js cannot connect
 * to a socket.
 */
export const socketFetch =
  (socketPath: string) =>
  (url: string, { method = "GET", headers = {}, body, signal }: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const options = { socketPath, method, headers: headers as Record<string, string>, ...(signal && { signal }) };
      const outgoing = request(url, options, (incoming) => {
        const stream = Readable.toWeb(incoming) as NodeStream<Uint8Array> as unknown as ReadableStream<Uint8Array>;
        resolve(new Response(stream, { status: incoming.statusCode ?? 500 }));
      });
      // If the request was aborted, the reason of the abort says that the time limit has passed. The error of the request does not.
      outgoing.on("error", (error) => reject(signal?.aborted === true ? (signal.reason as Error) : error));
      outgoing.end(typeof body === "string" ? body : undefined);
    });
