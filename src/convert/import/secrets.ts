import { isSecretName, redactString } from "../../spec/redact.ts";

/** Whether a variable belongs in a file that only its owner can read: because of its name, or because of credentials in its value. */
export const isSecret = (name: string, value: string): boolean =>
  value !== "" && /^[A-Za-z_][\w.-]*$/.test(name) && (isSecretName(name) || redactString(value) !== value);
