import { afterAll } from "bun:test";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import type { Daemon } from "../../harness/daemon.ts";
import { reportTrouble } from "../../harness/troubles.ts";

const program = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");

/** For `test.skipIf`. Prints a note once, so that skipped tests are not mistaken for success. */
export const noBrowser = program === null;
if (noBrowser) console.warn("skipped: chromium is not installed");

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser: Browser | null = null;

async function open(): Promise<Browser> {
  return (browser ??= await chromium.launch({ executablePath: program!, args: ARGS }));
}

afterAll(async () => {
  await browser?.close();
  browser = null;
});

/** Declare it with `await using` after the daemon: a page whose daemon stops first logs errors. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors on the console, including violations of the content security policy, and uncaught exceptions. */
  readonly errors: string[];
}

export const DESKTOP = { width: 1280, height: 800 } as const;
export const PHONE = { width: 390, height: 844 } as const;

/** Opens the address in a new browser context without cookies. The test fails if the console shows an error. */
export async function visit(url: string, options: BrowserContextOptions & { readonly allow?: RegExp } = {}): Promise<Visit> {
  const { allow, ...rest } = options;
  const context = await (await open()).newContext({ viewport: DESKTOP, ...rest });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  const hear = (text: string): void => {
    errors.push(text);
    if (!allow?.test(text)) reportTrouble(`the page said: ${text}`);
  };
  page.on("console", (message) => message.type() === "error" && hear(`${message.text()} (${message.location().url})`));
  page.on("pageerror", (error) => hear(`${error.message}\n${error.stack}`));
  await page.goto(url);
  return { page, context, errors, [Symbol.asyncDispose]: () => context.close() };
}

/** The address that the daemon listens on. */
export async function addressOf(daemon: Daemon): Promise<string> {
  const { daemon: info } = (await (await daemon.api("/api/supervisor/status")).json()) as { daemon: { url: string } };
  return info.url;
}

/** Signs in by a link and opens a route of the page such as `/unit/web`. */
export async function signedIn(daemon: Daemon, place = "/", options: Parameters<typeof visit>[1] = {}): Promise<Visit> {
  const { url } = (await daemon.json("dashboard")) as { url: string };
  const found = await visit(url, options);
  await found.page.locator(".link-live").waitFor();
  if (place !== "/") await go(found.page, place);
  return found;
}

export async function go(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => void (location.hash = hash), place);
}

/** The row of a unit in the list that contains the text. */
export const row = (page: Page, unit: string, text: string | RegExp = "") =>
  page.locator(".units .row", { has: page.getByRole("link", { name: unit, exact: true }), hasText: text });
