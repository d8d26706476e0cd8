/** Processor time that the work takes, in milliseconds: a machine that stands still for a while, or does other things, adds nothing. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
