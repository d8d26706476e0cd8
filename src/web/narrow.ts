import { useEffect, useState } from "preact/hooks";

const query = matchMedia("(max-width: 719px)");

/** Returns true on a narrow screen, such as that of a phone. */
export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const update = (): void => setNarrow(query.matches);
    query.addEventListener("change", update);
    return () => query.removeEventListener("change", update);
  }, []);
  return isNarrow;
}
