const SECRET = /pass(word|wd)?|secret|token|api_?key|private|credential|auth/i;
export const HIDDEN = "********";

/** Hides the values of environment variables whose names suggest a secret. */
export function redactEffective(effective: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const environment = effective.environment;
  if (typeof environment !== "object" || environment === null) return { ...effective };
  const shown = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, SECRET.test(name) ? HIDDEN : value]));
  return { ...effective, environment: shown };
}

/** Does the same in the text of a unit file: `"DB_PASSWORD": "…"`. */
export const redactText = (text: string): string =>
  text.replace(/("(?:[^"\\]|\\.)*"\s*:\s*)"((?:[^"\\]|\\.)*)"/g, (whole, key: string) => (SECRET.test(key) ? `${key}"${HIDDEN}"` : whole));
