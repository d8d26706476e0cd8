/** How the page shows a memory leak: a sentence under the chart, and a forecast band to the right of now. */
import { expect, test } from "bun:test";
import type { Forecast } from "../../../src/api/contract/shapes.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";
import { go, noBrowser, signedIn } from "./browser.ts";

const python = Bun.which("python3");
const LEAK = "import time\nkept = []\nwhile True:\n  kept.append(bytearray(b'x' * 100000))\n  time.sleep(0.05)";

/** The number of coloured pixels to the right of now: the grid is grey, the axes are on the left and at the bottom. */
const colouredAhead = (canvas: HTMLCanvasElement): number => {
  const from = Math.round(canvas.width * 0.84);
  const { data } = canvas.getContext("2d")!.getImageData(from, 0, canvas.width - from, Math.round(canvas.height * 0.7));
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const shades = [data[at]!, data[at + 1]!, data[at + 2]!];
    if (data[at + 3]! > 0 && Math.max(...shades) - Math.min(...shades) > 40) coloured++;
  }
  return coloured;
};

test.skipIf(noBrowser || python === null)(
  "what grows is told and drawn on ahead, and every chart goes on as far; what is steady ends now",
  async () => {
    const units = { leak: { enabled: true, command: python ?? "python3", args: ["-c", LEAK] }, calm: sleeper({ enabled: true }) };
    await using daemon = await startDaemon({ units, settings: { metrics: { interval: 0.5 } } });
    const grows = async (): Promise<boolean> => ((await daemon.json("forecast", "leak")) as Forecast).memory.verdict === "rising";
    await until(grows, { what: "the forecast", timeoutMs: 90_000 });
    await using visitor = await signedIn(daemon, "/unit/leak");
    const { page } = visitor;
    const chart = (title: string) => page.locator(".chart", { has: page.getByRole("heading", { name: title, exact: true }) });
    const ahead = (title: string): Promise<number> => chart(title).locator("canvas").evaluate(colouredAhead);
    await chart("Memory")
      .getByText(/^Memory grows by/)
      .waitFor();
    await until(async () => (await ahead("Memory")) > 20 && (await ahead("CPU")) === 0, { what: "the band, in one chart of two" });
    await go(page, "/unit/calm");
    await page.getByRole("heading", { name: "calm", exact: true }).waitFor();
    await until(async () => (await ahead("Memory")) > 0, { what: "a line that ends on the right" });
    expect(await chart("Memory").getByText(/grows/).count()).toBe(0);
  },
  180_000,
);
