import { useState } from "preact/hooks";
import { fullTime } from "../format.ts";
import { now } from "../state/clock.ts";
import { parseTime } from "../time-input.ts";

interface Props {
  readonly label: string;
  /** The time to show at first, as ISO text. */
  readonly value?: string;
  /** Called with the time as ISO text, or with null if the field is empty. */
  readonly onChange: (iso: string | null) => void;
}

/** A field for a time. The browser's own field would show times in the format of the browser's language, unlike the rest of the page. */
export function TimeField({ label, value, onChange }: Props) {
  const [valid, setValid] = useState(true);
  const read = (text: string): void => {
    const time = parseTime(text, now.peek());
    setValid(time !== null || text.trim() === "");
    if (time !== null || text.trim() === "") onChange(time?.toISOString() ?? null);
  };
  return (
    <input
      type="text"
      class="time-field"
      aria-label={label}
      aria-invalid={!valid}
      title={valid ? "Time in 24 hours, with or without date" : "Not a time. Examples: 15:40, 2026-11-28 15:40:10"}
      placeholder="15:40 or 2026-11-28"
      maxLength={19}
      value={value === undefined ? undefined : fullTime(value)}
      spellcheck={false}
      onChange={(event) => read(event.currentTarget.value)}
    />
  );
}
