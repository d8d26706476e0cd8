/** The page uses the DOM's types, which hide this method of Bun's streams. */
interface ReadableStream {
  text(): Promise<string>;
}
