import { isSecretName, redactString } from "../../spec/redact.ts";

/**
 * Returns true if a variable belongs in a file that only its owner can read, because of its name or because its value
 * contains credentials.
 */
export const isSecret = (name: string, value: string): boolean =>
  value !== "" && /^[A-Za-z_][\w.-]*$/.test(name) && (isSecretName(name) || redactString(value) !== value);
