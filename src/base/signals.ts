/** Linux signal numbers (asm-generic). They are the same on x86-64 and arm64. */
export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

export type SignalName = keyof typeof SIGNALS;

const names = new Map<number, string>(Object.entries(SIGNALS).map(([name, number]) => [number, name]));

/** Returns the name of a signal number. Real-time signals are named `SIGRTMIN+n`, where SIGRTMIN is 34 as in glibc. */
export function signalName(number: number): string {
  return names.get(number) ?? (number >= 34 && number <= 64 ? `SIGRTMIN+${number - 34}` : `signal ${number}`);
}

/**
 * Returns the signal number for a string such as `SIGTERM`, `TERM`, `term`, `SIGRTMIN+3` or `15`, or undefined if there is no
 * such signal.
 */
export function signalNumber(text: string): number | undefined {
  const upper = text.toUpperCase();
  if (/^\d+$/.test(upper)) {
    const number = Number(upper);
    return number >= 1 && number <= 64 ? number : undefined;
  }
  const realTime = /^(?:SIG)?RTMIN\+(\d+)$/.exec(upper);
  if (realTime) {
    const number = 34 + Number(realTime[1]);
    return number <= 64 ? number : undefined;
  }
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  return SIGNALS[name as SignalName];
}
