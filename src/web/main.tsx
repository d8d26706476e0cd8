import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { App } from "./app.tsx";
import { watchAlerts } from "./state/alerts.ts";
import { startClock } from "./state/clock.ts";
import { endLive, startLive } from "./state/live.ts";
import { watchPlace } from "./state/location.ts";
import { watchSamples } from "./state/samples.ts";
import { loadSession, signedIn, signInNote } from "./state/session.ts";

watchPlace();
watchAlerts();
watchSamples();
startClock();
render(<App />, document.getElementById("app")!);

effect(() => {
  const follow = signedIn.value;
  untracked(() => (follow ? void startLive() : endLive()));
});

const problem = await loadSession();
if (problem) signInNote.value = problem.message;
