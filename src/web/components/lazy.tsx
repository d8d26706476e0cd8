import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Loads a component when it is first shown. */
export function Lazy({ what, load }: { readonly what: string; readonly load: () => Promise<ComponentType> }) {
  const [Part, setPart] = useState<ComponentType | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    load().then(
      (loaded) => gone || setPart(() => loaded),
      () => gone || setFailed(true),
    );
    return () => void (gone = true);
  }, []);
  if (Part !== null) return <Part />;
  return (
    <p class="empty" role="status">
      {failed ? `Cannot load ${what}: the daemon does not answer or was upgraded. Reload the page.` : `Loading ${what}…`}
    </p>
  );
}
