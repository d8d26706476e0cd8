import type { Samples } from "../sparkline.ts";
import { sparkPath } from "../sparkline.ts";

const WIDTH = 64;
const HEIGHT = 20;

/** Draws the samples of the last minutes as a line. The newest value is shown as a number next to it. */
export function Spark({ samples, least, tone }: { readonly samples: Samples; readonly least: number; readonly tone: "cpu" | "memory" }) {
  return (
    <svg class={`spark spark-${tone}`} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={sparkPath(samples, WIDTH, HEIGHT, least)} />
    </svg>
  );
}
