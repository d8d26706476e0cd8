interface Props {
  readonly placeholder: string;
  /** What a screen reader says: the placeholder is gone once there is text. */
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly maxLength?: number;
}

/** The field of every filter bar; `data-search` is what the key `/` looks for. */
export const SearchField = ({ placeholder, label, value, onChange, maxLength }: Props) => (
  <input
    type="search"
    class="search"
    data-search
    placeholder={placeholder}
    aria-label={label}
    maxLength={maxLength}
    value={value}
    onInput={(event) => onChange(event.currentTarget.value)}
  />
);
