const SECRET = /pass(word|wd)?|secret|token|api_?key|private|credential|auth/i;
export const HIDDEN = "********";

/** Values of environment variables whose names sound like secrets are not shown. */
export function redactEffective(effective: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const environment = effective.environment;
  if (typeof environment !== "object" || environment === null) return { ...effective };
  const shown = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, SECRET.test(name) ? HIDDEN : value]));
  return { ...effective, environment: shown };
}

/** The same in the text of a unit file: `"DB_PASSWORD": "…"`. */
export const redactText = (text: string): string =>
  text.replace(/("(?:[^"\\]|\\.)*"\s*:\s*)"((?:[^"\\]|\\.)*)"/g, (whole, key: string) => (SECRET.test(key) ? `${key}"${HIDDEN}"` : whole));
