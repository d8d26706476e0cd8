import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { App } from "./app.tsx";
import { watchAlerts } from "./state/alerts.ts";
import { startClock } from "./state/clock.ts";
import { endLive, startLive } from "./state/live.ts";
import { watchPlace } from "./state/location.ts";
import { watchSamples } from "./state/samples.ts";
import { loadSession, signedIn, signInNote } from "./state/session.ts";

const PREFETCH_MS = 1000;

watchPlace();
watchAlerts();
watchSamples();
startClock();
render(<App />, document.getElementById("app")!);

effect(() => {
  const follow = signedIn.value;
  untracked(() => (follow ? void startLive() : endLive()));
});

// Loads the unit page in advance, so that a unit opens without delay, and also while the daemon is away.
setTimeout(() => void import("./pages/unit.tsx").catch(() => {}), PREFETCH_MS);

const problem = await loadSession();
if (problem) signInNote.value = problem.message;
