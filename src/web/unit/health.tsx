import { useState } from "preact/hooks";
import type { Service, ServiceHealth } from "../../api/contract/shapes.ts";
import { fullTime, shortTime } from "../format.ts";
import { Due, HealthMark } from "../components/marks.tsx";
import { request } from "../state/api.ts";
import { now } from "../state/clock.ts";
import { isLive } from "../state/live.ts";
import { mayAct } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { clip, plain } from "../text.ts";
import { useRequest } from "../state/use-request.ts";
import { resultWord } from "../words.ts";

const EVERY_MS = 10_000;
const RESULTS = 12;

export function Health({ service }: { readonly service: Service }) {
  const { id } = service;
  const { value, problem, again } = useRequest(id, () => request("serviceHealth", { id }), EVERY_MS);
  const [busy, setBusy] = useState(false);
  const probe = async (): Promise<void> => {
    setBusy(true);
    const answer = await request("probe", { id });
    setBusy(false);
    if (!answer.ok) return showToast("bad", answer.error.message);
    const last = answer.value.results.at(-1);
    if (last)
      showToast(last.kind === "ok" ? "good" : "warning", `${id}: the check ${resultWord(last.kind)}: ${clip(last.detail, 300).text}`);
    again();
  };
  return (
    <>
      <div class="card-head">
        <h2>Health</h2>
        {service.health !== "unknown" && <HealthMark health={service.health} />}
        {value?.check && mayAct.value && (
          <button type="button" class="button small" disabled={busy || !isLive.value || service.pid === null} onClick={() => void probe()}>
            {busy ? "Probing…" : "Probe now"}
          </button>
        )}
      </div>
      {value === null ? <p class="quiet-text">{problem?.message ?? "…"}</p> : <Results value={value} />}
    </>
  );
}

function Results({ value }: { readonly value: ServiceHealth }) {
  if (value.check === null) return <p class="quiet-text">It has no health check.</p>;
  return (
    <>
      <p class="quiet-text">
        {value.check} check
        {value.failure_threshold !== null && `, ${value.consecutive_failures} of ${value.failure_threshold} failures in a row`}
        {value.next_probe !== null && (
          <>
            , next <Due iso={value.next_probe} />
          </>
        )}
      </p>
      <ol class="probes">
        {value.results
          .slice(-RESULTS)
          .toReversed()
          .map((result) => (
            <li key={result.time}>
              <time class="num quiet-text" title={fullTime(result.time)}>
                {shortTime(result.time, now.value)}
              </time>
              <span class={`health tone-${result.kind === "ok" ? "good" : result.kind === "bad" ? "bad" : "warning"}`}>
                {resultWord(result.kind)}
              </span>
              <span class="num">{result.response_ms === null ? "" : `${result.response_ms.toFixed(1)} ms`}</span>
              <span class="wrap">
                {result.fallback && "fallback: "}
                {plain(clip(result.detail, 300).text)}
              </span>
            </li>
          ))}
      </ol>
    </>
  );
}
