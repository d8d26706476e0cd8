import type { Live } from "../session.ts";

/** The time from the start of the supervisor to the first instruction of the last service, in ms. */
export const measureLaunch = ({ running, starts }: Live): number => (Math.max(...starts.all.map(({ ns }) => ns)) - running.beganNs) / 1e6;
