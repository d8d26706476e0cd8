import { expect, test } from "bun:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { errorOf, makeRig, PAGE } from "./fake.ts";

const HOST = { host: "127.0.0.1:7870" };
const SCRIPT = "/chunk-1a2b3c4d.js";
const text = (index: number): string => new TextDecoder().decode(PAGE[index]!.bytes);

const get = (path: string, headers: Record<string, string> = {}, settings: Parameters<typeof makeRig>[0] = {}): Promise<Response> =>
  makeRig(settings).ask(`GET ${path}`, { headers: { ...HOST, ...headers } }, "tcp");

test("the page is served without a token, under a policy that allows nothing from other origins and no inline script", async () => {
  const page = await get("/");
  expect(page.status).toBe(200);
  expect(await page.text()).toBe(text(0));
  expect(page.headers.get("content-type")).toBe("text/html;charset=utf-8");
  const policy = page.headers.get("content-security-policy")!;
  expect(policy).toStartWith("default-src 'none'; script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
});

test("the page itself is revalidated each time; files with a hash in their name are cached for ever", async () => {
  expect((await get("/")).headers.get("cache-control")).toBe("no-cache");
  expect((await get(SCRIPT)).headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
});

for (const [accepted, coding, decode] of [
  ["gzip, deflate, br, zstd", "zstd", zstdDecompressSync],
  ["gzip, deflate", "gzip", gunzipSync],
  ["zstd;q=0, gzip;q=0.5", "gzip", gunzipSync],
  ["", null, (bytes: Uint8Array) => bytes],
] as const)
  test(`a file is sent ${coding === null ? "without a coding" : `as ${coding}`} to a client that accepts "${accepted}"`, async () => {
    const response = await get(SCRIPT, { "accept-encoding": accepted });
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect(new TextDecoder().decode(decode(await response.bytes()))).toBe(text(1));
  });

test("a cached file is answered with 304 by its ETag, which differs by coding", async () => {
  const zipped = { "accept-encoding": "gzip" };
  const etag = (await get("/", zipped)).headers.get("etag")!;
  expect(etag).toMatch(/^"[^"]+"$/);
  const again = await get("/", { ...zipped, "if-none-match": `"x", W/${etag}` });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe("");
  expect((await get("/", { "if-none-match": etag })).status).toBe(200);
});

test("an unknown file of the page is 404, and other paths still require the token", async () => {
  const old = await get("/chunk-00000000.js");
  expect(old.status).toBe(404);
  expect(await errorOf(old)).toMatchObject({ code: "not-found", hint: "reload the page" });
  expect((await get("/secret.js")).status).toBe(401);
});

test("HEAD has no body; other methods are refused", async () => {
  const head = await makeRig().ask("HEAD /", { headers: HOST }, "tcp");
  expect(head.status).toBe(200);
  expect(await head.text()).toBe("");
  const post = await makeRig().ask("POST /");
  expect(post.headers.get("allow")).toBe("GET, HEAD");
  expect(post.status).toBe(405);
});

test("below a base path the references of the page point there", async () => {
  const page = await get("/sup/", {}, { basePath: "/sup" });
  expect(await page.text()).toContain('<head><base href="/sup/">');
  expect((await get(`/sup${SCRIPT}`, {}, { basePath: "/sup" })).status).toBe(200);
});

test("a page that is switched off has no index and no files", async () => {
  expect((await get("/", {}, { page: "off" })).status).toBe(404);
  expect((await get(SCRIPT, {}, { page: "off" })).status).toBe(401);
});

test("a foreign Host gets no page: DNS rebinding could read it", async () => {
  expect((await get("/", { host: "evil.example" })).status).toBe(403);
});
