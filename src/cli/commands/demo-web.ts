import { EXIT } from "../../api/contract/errors.ts";
import type { Run } from "../context.ts";
import { safe } from "../render/safe.ts";

/**
 * Runs `sup demo-web PORT`, a small web service to try out units when no other program is installed. The page shows the pid, the
 * uptime and the number of requests. `/healthz` answers health checks. `POST /crash` makes the service exit with code 1, so that
 * sup restarts it.
 */
export const run: Run = async ({ args, host, out, fail }) => {
  const port = parsePort(args[0]);
  if (port === null) return fail({ code: "bad-request", message: `cannot listen: "${args[0] ?? ""}" is not a port (0 to 65535)` });

  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  const about = { unit: host.env.SUP_UNIT ?? "none", instance: host.env.SUP_INSTANCE ?? "", pid: process.pid, startMs: host.now() };
  let requests = 0;
  const answer = (): Response => {
    requests++;
    return new Response(page({ ...about, requests, ageS: (host.now() - about.startMs) / 1000 }), {
      headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
    });
  };
  const server = listen(port, {
    "/": { GET: answer },
    "/healthz": { GET: () => new Response("ok\n") },
    "/crash": {
      POST: () => {
        setTimeout(() => end(EXIT.failed), 10); // exit after the response was sent
        return new Response("crashing\n");
      },
    },
  });
  if (server instanceof Error) return fail({ code: "failed", message: `cannot listen on port ${port}: ${safe(server.message)}` });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end(EXIT.done));

  out(`listening on http://${server.hostname}:${server.port}`);
  const code = await ended;
  out(code === EXIT.done ? `bye after ${requests} requests` : "crashing as requested");
  await server.stop(code !== EXIT.done); // a normal stop waits for the pending requests
  return code;
};

type Routes = Record<string, Partial<Record<"GET" | "POST", () => Response>>>;

function listen(port: number, routes: Routes): ReturnType<typeof Bun.serve> | Error {
  try {
    return Bun.serve({ hostname: "127.0.0.1", port, routes, fetch: () => new Response("not found\n", { status: 404 }) });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function parsePort(text: string | undefined): number | null {
  const port = /^\d{1,5}$/.test(text ?? "") ? Number(text) : NaN;
  return port <= 65_535 ? port : null;
}

interface Shown {
  readonly unit: string;
  readonly instance: string;
  readonly pid: number;
  readonly ageS: number;
  readonly requests: number;
}

const page = ({ unit, instance, pid, ageS, requests }: Shown): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${Bun.escapeHTML(unit)}</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}dt{color:#666}dd{margin:0 0 .5rem}</style>
</head><body><h1>It works</h1><dl>
<dt>Unit</dt><dd>${Bun.escapeHTML(unit)}${instance ? `, instance ${Bun.escapeHTML(instance)}` : ""}</dd>
<dt>Process</dt><dd>${pid}</dd>
<dt>Up for</dt><dd>${ageS.toFixed(1)} s</dd>
<dt>Requests</dt><dd>${requests}</dd>
</dl><form method="post" action="/crash"><button>Crash it</button></form></body></html>
`;
