/** The page needs the DOM's types, and those of Bun's streams must not get lost under them. */
interface ReadableStream {
  text(): Promise<string>;
}
