import { useRef } from "preact/hooks";

const ID = "unit-file-text";

interface Props {
  readonly text: string;
  readonly onChange: (text: string) => void;
  /** The lines with errors, counted from 1. */
  readonly badLines: ReadonlySet<number>;
}

/** A text field with line numbers. The Tab key leaves the field, as everywhere on the page. */
export function TextArea({ text, onChange, badLines }: Props) {
  const numbers = useRef<HTMLDivElement>(null);
  const lines = text.split("\n");
  return (
    <div class="text-area">
      <div class="line-numbers" ref={numbers} aria-hidden="true">
        {lines.map((_, index) => (
          <div key={index} class={badLines.has(index + 1) ? "line-bad" : ""}>
            {index + 1}
          </div>
        ))}
      </div>
      <textarea
        id={ID}
        aria-label="Content of the unit file"
        aria-invalid={badLines.size > 0}
        spellcheck={false}
        autocapitalize="off"
        wrap="off"
        rows={Math.min(40, Math.max(12, lines.length + 1))}
        value={text}
        onInput={(event) => onChange(event.currentTarget.value)}
        onScroll={(event) => {
          if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}

/** Moves the cursor to a place in the text. Lines and columns are counted from 1. */
export function showLine(line: number, column: number | null): void {
  const area = document.getElementById(ID) as HTMLTextAreaElement | null;
  if (area === null) return;
  const before =
    area.value
      .split("\n")
      .slice(0, line - 1)
      .join("\n").length + (line > 1 ? 1 : 0);
  const at = before + Math.max(0, (column ?? 1) - 1);
  area.focus();
  area.setSelectionRange(at, at);
}
