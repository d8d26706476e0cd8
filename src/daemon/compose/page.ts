import page from "../../web/index.html";
import type { PageFile } from "../../api/server/page.ts";

/** Returns the files of the web page from the executable. If the daemon runs from source, builds them first. */
export async function loadPage(): Promise<readonly PageFile[]> {
  const { files } = page as { readonly files?: readonly Embedded[] };
  return files === undefined ? buildPage() : readPage(files);
}

interface Embedded {
  readonly path: string;
  readonly headers: { readonly "content-type": string };
}

/** Reads the files of the page and makes their references relative. Bun makes absolute ones, which do not work below a base path. */
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
