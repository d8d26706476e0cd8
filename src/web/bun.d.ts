/** Declares a method of Bun's streams that the page's DOM types do not have. */
interface ReadableStream {
  text(): Promise<string>;
}
