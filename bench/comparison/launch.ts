import type { Live } from "../session.ts";

/** Returns the time in ms from the start of the supervisor to the first instruction of the last service. */
export const measureLaunch = ({ running, starts }: Live): number => (Math.max(...starts.all.map(({ ns }) => ns)) - running.beganNs) / 1e6;
