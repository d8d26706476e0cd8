const CTRL_P = 0x10;
const CTRL_Q = 0x11;

/**
 * Finds Ctrl-P Ctrl-Q among typed bytes. Returns the bytes for the program, and whether the keys were found. A Ctrl-P at the end is held
 * back until the next byte.
 */
export function detachKeys(): (bytes: Uint8Array) => { readonly typed: Uint8Array; readonly detaches: boolean } {
  let isHeld = false;
  return (bytes) => {
    const typed: number[] = [];
    for (const byte of bytes) {
      if (isHeld && byte === CTRL_Q) return { typed: Uint8Array.from(typed), detaches: true };
      if (isHeld) typed.push(CTRL_P);
      isHeld = byte === CTRL_P;
      if (!isHeld) typed.push(byte);
    }
    return { typed: Uint8Array.from(typed), detaches: false };
  };
}
