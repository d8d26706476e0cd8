/** Releases to install and to upgrade to, and servers that serve them completely, partly or not at all. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";

export const INSTALLER = resolve(import.meta.dir, "../../../install.sh");

const CPU = process.arch === "arm64" ? "arm64" : "x64";
export const FILE = `sup-linux-${CPU}.gz`;

/** A program that prints this version, and otherwise only runs `more`. */
export const fakeSup = (version: string, more = ""): string =>
  `#!/bin/sh\nif [ "$1" = version ]; then echo 'sup ${version}'; exit 0; fi\n${more}\nexit 1\n`;

/** Path below the address → content. */
export type Files = Map<string, Uint8Array | string>;

/** The files of a release in one directory: those made by `npm run release` that are downloaded. */
export function release(version: string, program: string | Uint8Array, names: readonly string[] = [FILE]): Files {
  const files: Files = new Map(names.map((name) => [name, Bun.gzipSync(Buffer.from(program), { level: 1 })] as const));
  files.set("VERSION", `${version}\n`);
  files.set("SHA256SUMS", [...files].map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`).join(""));
  files.set("install.sh", readFileSync(INSTALLER));
  return files;
}

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** The same files below a directory: `v1.2.3`, `latest/download`. */
export const below = (directory: string, files: Files): Files =>
  new Map([...files].map(([name, bytes]) => [`${directory}/${name}`, bytes]));

export function writeFiles(directory: string, files: Files): string {
  for (const [name, bytes] of files) {
    mkdirSync(join(directory, name, ".."), { recursive: true });
    writeFileSync(join(directory, name), bytes);
  }
  return directory;
}

/** Handles a request in a special way; false to let the site respond normally. */
export type Manner = (path: string, response: ServerResponse, bytes: Uint8Array) => boolean;

export class Site implements AsyncDisposable {
  /** The requested paths, in order. */
  readonly asked: string[] = [];
  files: Files;
  manner: Manner = () => false;
  readonly #server: Server;

  private constructor(files: Files) {
    this.files = files;
    this.#server = createServer((request, response) => this.#answer(request.url!.slice(1), response));
  }

  static async open(files: Files): Promise<Site> {
    const site = new Site(files);
    await new Promise<void>((done) => site.#server.listen(0, "127.0.0.1", done));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(path: string, response: ServerResponse): void {
    this.asked.push(path);
    const content = this.files.get(path);
    const bytes = content === undefined ? undefined : Buffer.from(content as Uint8Array);
    if (this.manner(path, response, bytes ?? new Uint8Array())) return;
    if (bytes === undefined) response.writeHead(404).end("no such file\n");
    else response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

/** Sends half of the file with this name, and then nothing more. */
export const stallsAt =
  (name: string): Manner =>
  (path, response, bytes) => {
    if (!path.endsWith(name)) return false;
    response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, bytes.length >> 1));
    return true;
  };

/** Sends half of the file and closes the connection. */
export const cutsAt =
  (name: string): Manner =>
  (path, response, bytes) => {
    if (!path.endsWith(name)) return false;
    response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
    return true;
  };

export const answersWith =
  (status: number, name: string): Manner =>
  (path, response) => {
    if (!path.endsWith(name)) return false;
    response.writeHead(status).end("no\n");
    return true;
  };
