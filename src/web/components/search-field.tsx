interface Props {
  readonly placeholder: string;
  /** For screen readers: the placeholder disappears once there is text. */
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly maxLength?: number;
}

/** The search field of a filter bar; the key `/` finds it by `data-search`. */
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
