/** The latest samples of a value, oldest first. At most `SAMPLES` are kept, and null is a missing sample. */
export type Samples = readonly (number | null)[];

export const SAMPLES = 60;

export const pushSample = (samples: Samples, value: number | null): Samples => [...samples.slice(-(SAMPLES - 1)), value];

/**
 * Returns the attribute `d` of an SVG path through the samples. The newest sample is at the right edge, and nulls are gaps. The
 * scale starts at 0, and its top is at least `least`, so that the noise of an idle unit looks flat.
 */
export function sparkPath(samples: Samples, width: number, height: number, least: number): string {
  const top = topOf(samples, least);
  const step = width / (SAMPLES - 1);
  const offset = SAMPLES - samples.length;
  const parts: string[] = [];
  let pen = false;
  for (const [index, value] of samples.entries()) {
    if (value !== null) {
      const x = round((offset + index) * step);
      parts.push(`${pen ? "L" : "M"}${x} ${heightOf(value, height, top)}`);
    }
    pen = value !== null;
  }
  return parts.join("");
}

/** Returns the value at the top of the scale. */
export const topOf = (samples: Samples, least: number): number => Math.max(least, ...samples.map((value) => value ?? 0));

/** Returns the vertical position of a value. */
export const heightOf = (value: number, height: number, top: number): number => round(height - 1 - (value / top) * (height - 2));

const round = (value: number): number => Math.round(value * 10) / 10;
