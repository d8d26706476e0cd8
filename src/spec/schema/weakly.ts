/**
 * Returns a function that makes a value at its first call, and again if the value was garbage collected in the meantime. A schema takes
 * milliseconds to make and up to a megabyte of memory, and a daemon needs most schemas only when files change.
 */
export function weakly<T extends object>(make: () => T): () => T {
  let kept: WeakRef<T> | undefined;
  return () => {
    const found = kept?.deref();
    if (found !== undefined) return found;
    const made = make();
    kept = new WeakRef(made);
    return made;
  };
}
