import page from "../../web/index.html";
import type { PageFile } from "../../api/server/page.ts";

/** The files of the web page: from the executable, or built now when the daemon runs from source. */
export async function loadPage(): Promise<readonly PageFile[]> {
  const { files } = page as { readonly files?: readonly Embedded[] };
  return files === undefined ? buildPage() : readPage(files);
}

interface Embedded {
  readonly path: string;
  readonly headers: { readonly "content-type": string };
}

/** Bun makes the files refer to each other by absolute paths. A page below a base path needs relative ones. */
async function readPage(files: readonly Embedded[]): Promise<readonly PageFile[]> {
  const names = files.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  const relative = (text: string): string => names.reduce((before, name) => before.replaceAll(`"/${name}"`, `"./${name}"`), text);
  return Promise.all(
    files.map(async ({ path, headers }, index) => ({
      path: names[index]!,
      type: headers["content-type"],
      bytes: Buffer.from(relative(await Bun.file(path).text())),
    })),
  );
}

async function buildPage(): Promise<readonly PageFile[]> {
  const naming = "[name]-[hash].[ext]";
  const { outputs } = await Bun.build({
    entrypoints: [`${import.meta.dir}/../../web/index.html`],
    target: "browser",
    minify: true,
    splitting: true,
    naming: { chunk: naming, asset: naming },
  });
  return Promise.all(outputs.map(async (file) => ({ path: file.path, type: file.type, bytes: new Uint8Array(await file.arrayBuffer()) })));
}
