import type { Moment, SoakResult } from "./soak.ts";

/**
 * Limits in MB of resident memory, from the first tenth of the load to its end. The allocator keeps a part of the peak, which is above
 * 300 MB: the daemon grows by about 20 MB in the first million events and by 11 MB in the next four.
 */
const DAEMON_MAY_GROW = 30;
const KEEPER_MAY_GROW = 2;
/** Short-lived clients have a few open at any moment. */
const MORE_DESCRIPTORS = 20;
const MORE_THREADS = 6;

/** Describes what grew beyond its limit. */
export function faultsOf({ began, ended }: Pick<SoakResult, "began" | "ended">, { daemonMb = DAEMON_MAY_GROW } = {}): string[] {
  const faults: string[] = [];
  const compare = (what: string, unit: string, of: (moment: Moment) => number, allowed: number): void => {
    const more = of(ended) - of(began);
    if (more > allowed)
      faults.push(`${what} grew by ${Math.round(more)}${unit}, from ${Math.round(of(began))}; at most ${allowed} is allowed`);
  };
  compare("the daemon's memory", " MB", ({ rss }) => rss, daemonMb);
  compare("the keeper's memory", " MB", ({ keeper }) => keeper.rss, KEEPER_MAY_GROW);
  compare("the number of the daemon's descriptors", "", ({ fds }) => fds, MORE_DESCRIPTORS);
  compare("the number of the keeper's descriptors", "", ({ keeper }) => keeper.fds, MORE_DESCRIPTORS);
  compare("the number of the daemon's threads", "", ({ threads }) => threads, MORE_THREADS);
  return faults;
}
