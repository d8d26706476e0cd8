import type { Samples } from "../sparkline.ts";
import { heightOf, sparkPath, topOf } from "../sparkline.ts";

const WIDTH = 64;
const HEIGHT = 20;

interface Props {
  readonly samples: Samples;
  readonly least: number;
  readonly tone: "cpu" | "memory";
  /** The limit of the value, which is drawn as a line if it is within the scale. */
  readonly limit: number | null;
}

/** Draws the samples of the last minutes as a line. The newest value is shown as a number next to it. */
export function Spark({ samples, least, tone, limit }: Props) {
  const top = topOf(samples, least);
  return (
    <svg class={`spark spark-${tone}`} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={sparkPath(samples, WIDTH, HEIGHT, least)} />
      {limit !== null && limit <= top && <path class="spark-limit" d={`M0 ${heightOf(limit, HEIGHT, top)}H${WIDTH}`} />}
    </svg>
  );
}
