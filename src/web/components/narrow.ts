import { useEffect, useState } from "preact/hooks";

const narrow = matchMedia("(max-width: 719px)");

/** Returns true while the screen is narrow, like that of a phone. */
export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const update = (): void => setNarrow(narrow.matches);
    narrow.addEventListener("change", update);
    return () => narrow.removeEventListener("change", update);
  }, []);
  return isNarrow;
}
