import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Banner } from "./components/banner.tsx";
import { Header } from "./components/header.tsx";
import { Keys } from "./components/keys.tsx";
import { Lazy } from "./components/lazy.tsx";
import { Toasts } from "./components/toasts.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import type { Route } from "./route.ts";
import { link, view } from "./state/live.ts";
import { place } from "./state/location.ts";
import { session } from "./state/session.ts";
import { openAlerts } from "./state/alerts.ts";
import { around } from "./state/around.ts";
import { troubled, troubleOf } from "./trouble.ts";

export function App() {
  useSignalEffect(showInTab);
  const route = place.value;
  if (session.value === null) return <SignInPage code={null} waiting />;
  if (!session.value.signed_in || route.page === "sign-in") return <SignInPage code={route.page === "sign-in" ? route.code : null} />;
  return (
    <div class="app" data-link={link.value.kind}>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Header page={route.page} />
      <Banner />
      <main id="main" class="main" tabIndex={-1}>
        <Loaded>{pageOf(route)}</Loaded>
      </main>
      <Toasts />
      <Keys />
    </div>
  );
}

function skip(event: Event): void {
  event.preventDefault(); // the part behind the # is the route, so do not navigate to it
  document.getElementById("main")?.focus();
}

/** Shows the state of the connection instead of an empty list until the first snapshot has arrived. */
function Loaded({ children }: { readonly children: ComponentChildren }) {
  if (view.value.daemon !== null) return <>{children}</>;
  return (
    <p class="empty" role="status">
      {link.value.kind === "offline" ? "The daemon does not answer." : "Connecting…"}
    </p>
  );
}

function pageOf(route: Exclude<Route, { page: "sign-in" }>) {
  switch (route.page) {
    case "units":
      return <OverviewPage query={route.filter} />;
    case "unit":
      return <Lazy key="unit" what="the unit" load={async () => (await import("./pages/unit.tsx")).CurrentUnit} />;
    case "logs":
      return <Lazy key="logs" what="the logs" load={async () => (await import("./logs/page.tsx")).LogsPage} />;
    case "new":
      return <Lazy key="new" what="the editor" load={async () => (await import("./edit/new-unit.tsx")).NewUnit} />;
    case "graph":
      return <Lazy key="graph" what="the graph" load={async () => (await import("./graph/page.tsx")).GraphPage} />;
    case "events":
      return <Lazy key="events" what="the events" load={async () => (await import("./pages/events.tsx")).EventsPage} />;
    case "alerts":
      return <Lazy key="alerts" what="the alerts" load={async () => (await import("./pages/alerts.tsx")).AlertsPage} />;
  }
}

/** Shows the overall state in the title and the icon of the browser tab. */
function showInTab(): void {
  const down = troubled(view.value.services.values(), around.value).filter((service) => troubleOf(service, around.value) === "bad").length;
  const count = down + openAlerts.value.filter(({ acknowledged }) => !acknowledged).length;
  const live = link.value.kind === "live";
  document.title = !session.value?.signed_in ? "sup" : !live ? "sup: offline" : down > 0 ? `(${down} down) sup` : "sup";
  icon(!live ? "#8a94a3" : down > 0 ? "#d92d3a" : count > 0 ? "#d69a1c" : "#1f9d63");
}

function icon(colour: string): void {
  let link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    document.head.append(link);
  }
  const shape = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="${colour}"/></svg>`;
  link.href = `data:image/svg+xml,${encodeURIComponent(shape)}`;
}
