/**
 * The value of SUP_INVOCATION_ID in the processes of an `exec` health check: "check-", the invocation of the run that it checks, and
 * something unique. It differs from the invocation of the run, so that what a check leaves behind is not taken for the service.
 */
const PREFIX = "check-";

export const checkMark = (invocation: string, unique: string): string => `${PREFIX}${invocation}-${unique}`;

/** Returns the invocation of the run that was checked, or null if the mark is not one of a check. */
export function checkedInvocation(mark: string): string | null {
  const end = mark.lastIndexOf("-");
  return mark.startsWith(PREFIX) && end > PREFIX.length ? mark.slice(PREFIX.length, end) : null;
}
