/**
 * Returns a function that makes a value at its first call, and again if the value was garbage collected in the meantime. It suits values
 * that are large, quick to make and rarely needed, for example the schemas of unit files.
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
