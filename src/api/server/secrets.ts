/** The parts of cryptography that the server needs, without node:crypto, which would take 1.7 MB of memory. */

/** Returns a random secret of this many bytes, in the characters of base64url. */
export const makeSecret = (bytes: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url");

export const digestOf = (text: string): Buffer => new Bun.CryptoHasher("sha256").update(text).digest();
