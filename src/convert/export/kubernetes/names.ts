/**
 * Returns the name of a unit as a DNS label (RFC 1035), which a Service requires. It has at most 52 characters, which a
 * CronJob requires.
 */
export function objectName(id: string): string {
  const name = id
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 52)
    .replace(/-+$/, "");
  return name === "" ? "unit" : name;
}

/** Returns true if Kubernetes accepts a key of an annotation. */
export const isAnnotation = (key: string): boolean =>
  /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(key);
