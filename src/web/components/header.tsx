import { useEffect } from "preact/hooks";
import { figuresOf } from "../host-figures.ts";
import { host, watchHost } from "../state/host.ts";
import { link, view } from "../state/live.ts";
import { openAlerts } from "../state/alerts.ts";
import { session, signOut } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import type { Route } from "../route.ts";
import { clip, plain } from "../text.ts";
import { showKeys } from "./keys.tsx";
import { Since } from "./marks.tsx";

const PAGES = [
  { page: "units", title: "Units" },
  { page: "logs", title: "Logs" },
  { page: "graph", title: "Graph" },
  { page: "events", title: "Events" },
  { page: "alerts", title: "Alerts" },
] as const;

export function Header({ page }: { readonly page: Route["page"] }) {
  useEffect(watchHost, []);
  const alerts = openAlerts.value.filter(({ acknowledged }) => !acknowledged).length;
  return (
    <header class="header">
      <a class="brand" href="#/" aria-label="sup, all units">
        sup
      </a>
      <nav aria-label="Pages" class="nav">
        {PAGES.map((one) => (
          <a
            key={one.page}
            href={`#/${one.page === "units" ? "" : one.page}`}
            aria-current={one.page === page || (one.page === "units" && page === "unit") ? "page" : undefined}
          >
            {one.title}
            {one.page === "alerts" && alerts > 0 && (
              <span class="badge" aria-label={`${alerts} open`}>
                {alerts}
              </span>
            )}
          </a>
        ))}
      </nav>
      <HostLine />
      <div class="header-end">
        <LinkState />
        <button
          type="button"
          class="icon wide-only"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => (showKeys.value = true)}
        >
          ?
        </button>
        {session.value?.expires && (
          <button type="button" class="button quiet small" onClick={() => void leave()}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

/** Shows the machine and the daemon. */
function HostLine() {
  const { daemon } = view.value;
  return (
    <div class="host" role="group" aria-label="Machine and daemon">
      {host.value !== null && (
        <>
          <b class="host-name" title={plain(host.value.name)}>
            {plain(clip(host.value.name, 64).text)}
          </b>
          {figuresOf(host.value).map(({ name, text, tone, title }) => (
            <span key={name} class={`host-figure host-${tone} tone-${tone}`} title={title}>
              {name} <b class="num">{text}</b>
            </span>
          ))}
        </>
      )}
      {daemon !== null && (
        <span class="host-daemon" title={`${daemon.mode} mode, pid ${daemon.pid}`}>
          sup {daemon.version}, up <Since iso={daemon.start_time} />
        </span>
      )}
    </div>
  );
}

async function leave(): Promise<void> {
  const problem = await signOut();
  if (problem) showToast("bad", problem.message);
}

const WORDS = { live: "Live", connecting: "Connecting", offline: "Offline" } as const;

function LinkState() {
  const { kind } = link.value;
  const { daemon } = view.value;
  const where = daemon === null ? location.host : `${location.host}, sup ${daemon.version}, ${daemon.mode} mode, pid ${daemon.pid}`;
  return (
    <span class={`link link-${kind}`} title={where}>
      <span class="link-dot" aria-hidden="true" />
      {WORDS[kind]}
      {session.value?.access === "read" && <span class="read-only">read-only</span>}
    </span>
  );
}
