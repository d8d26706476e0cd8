import { EXIT } from "../../api/contract/errors.ts";
import type { Context, Run } from "../context.ts";

/** A link that signs a browser in once. It is opened where there is a desktop to open it on, and printed otherwise. */
export const run: Run = async (context) => {
  const answer = await context.client.call("signInLink");
  if (!answer.ok) return context.fail(answer.error);
  const { url } = answer.value;
  if (context.options.json) context.json(answer.value);
  else if (wantsToOpen(context) && (await context.host.interactive(["xdg-open", url])) === 0)
    context.note("The page opens in the browser.");
  else {
    context.out(url);
    if (context.host.isTerminal(1)) context.note("It signs in once, within two minutes.");
  }
  return EXIT.done;
};

/** Over --url the daemon is on another machine: its address may mean nothing here. */
function wantsToOpen({ host, options }: Context): boolean {
  if (options.open === false || options.url || host.env.SUP_URL) return false;
  return host.isTerminal(1) && Boolean(host.env.DISPLAY || host.env.WAYLAND_DISPLAY);
}
