interface Props {
  readonly placeholder: string;
  /** The label for screen readers, which need one because the placeholder disappears when the field has text. */
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly maxLength?: number;
}

/** The search field of a filter bar. The keyboard shortcut `/` finds it by the attribute `data-search`. */
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
