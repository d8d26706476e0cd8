import { EXIT } from "../../api/contract/errors.ts";
import type { Context, Run } from "../context.ts";

/** Requests a one-time sign-in link. Opens it in a browser on a desktop, and prints it otherwise. */
export const run: Run = async (context) => {
  const answer = await context.client.call("signInLink");
  if (!answer.ok) return context.fail(answer.error);
  const { url } = answer.value;
  if (context.options.json) context.json(answer.value);
  else if (wantsToOpen(context) && (await context.host.interactive(["xdg-open", url])) === 0)
    context.note("Opening the page in the browser.");
  else {
    context.out(url);
    if (context.host.isTerminal(1)) context.note("The link signs in once and expires after two minutes.");
  }
  return EXIT.done;
};

/**
 * Returns false if the options have --url. In that case the daemon is on another machine, and the link's address may not work
 * on this one.
 */
function wantsToOpen({ host, options }: Context): boolean {
  if (options.open === false || options.url || host.env.SUP_URL) return false;
  return host.isTerminal(1) && Boolean(host.env.DISPLAY || host.env.WAYLAND_DISPLAY);
}
