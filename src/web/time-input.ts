/**
 * Parses a time that a user typed, in the browser's zone: `15:40`, `15:40:10`, `2026-11-28` or `2026-11-28 15:40:10`. A time
 * without a date is the last such time. Returns null if it is no time. `now` is wall-clock milliseconds.
 */
export function parseTime(text: string, now: number): Date | null {
  const [, date, clock] = /^(?:(\d{4}-\d\d-\d\d)(?:[ T]+|$))?(\d{1,2}:\d\d(?::\d\d)?)?$/.exec(text.trim()) ?? [];
  if (date === undefined && clock === undefined) return null;
  const [year, month, day] = (date ?? "").split("-").map(Number);
  const [hour = 0, minute = 0, second = 0] = (clock ?? "0:00").split(":").map(Number);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const today = new Date(now);
  if (date !== undefined) {
    const found = new Date(year!, month! - 1, day!, hour, minute, second);
    return found.getMonth() === month! - 1 && found.getDate() === day ? found : null;
  }
  const at = (back: number): Date => new Date(today.getFullYear(), today.getMonth(), today.getDate() - back, hour, minute, second);
  return at(0).getTime() <= now ? at(0) : at(1);
}
