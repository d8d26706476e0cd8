/**
 * Returns the CPU time in milliseconds that `work` uses. Unlike wall time, it does not grow if the machine stalls or is busy with
 * other work.
 */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
