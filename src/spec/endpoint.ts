/**
 * Returns what is wrong with the expanded endpoint of an http check, or null if it is valid. The messages never quote the
 * endpoint, because it may contain a password.
 */
export function endpointFault(endpoint: string): { readonly message: string; readonly hint: string } | null {
  if (endpoint.startsWith("unix:")) return null;
  if (!URL.canParse(endpoint)) return { message: "is not a URL", hint: "write http://HOST:PORT/PATH" };
  const { username, password } = new URL(endpoint);
  for (const [what, text] of [
    ["user name", username],
    ["password", password],
  ] as const) {
    if (!isEncoded(text))
      return {
        message: `has a ${what} with a "%" that does not start a percent-encoded character`,
        hint: "encode the percent sign as %25, which is %%25 in a unit file",
      };
  }
  return null;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
