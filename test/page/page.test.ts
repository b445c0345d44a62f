// The page in a real browser: headless Chromium against a whole service.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import { missingTools } from "../report/tools.js";
import { connectLocal, expectNoConnections, startService, until } from "../serve/support.js";
import {
  expectPhase,
  groundOf,
  numberAt,
  numberUntil,
  open,
  pointsOf,
  startBrowser,
  styleOf,
  type Visitor,
} from "./browser.js";

const reason = missingTools("chromium");

/** Frames from this port of the wire are the device's. */
const DEVICE = 0;

/** Frames longer than this carry data. */
const DATA_FRAME_BYTES = 1000;

let browser: Browser;
let running: Awaited<ReturnType<typeof startService>> | undefined;
const visitors: Visitor[] = [];

beforeAll(async () => {
  if (!reason) browser = await startBrowser();
});

beforeEach((context) => {
  if (reason) context.skip(reason);
});

afterAll(async () => {
  await browser?.close();
});

afterEach(async () => {
  for (const visitor of visitors.splice(0)) await visitor.close();
  const totals = await running?.service.stop();
  running = undefined;
  expect(totals?.recordsLeft ?? 0).toBe(0);
});

async function serve(options: Parameters<typeof startService>[0] = {}) {
  running = await startService(options);
  return running;
}

async function visit(url: string, options: Parameters<typeof open>[2] = {}) {
  const visitor = await open(browser, url, options);
  visitors.push(visitor);
  return visitor;
}

describe("the page", () => {
  test("shows the connection that carries it, and the numbers move", async () => {
    const { url } = await serve();
    const { page, complaints } = await visit(url);
    await expectPhase(page, "live");
    const before = await numberAt(page, "connection.segmentsOut");
    await numberUntil(page, "connection.segmentsOut", (value) => value >= before + 5);
    expect(await numberAt(page, "connection.bytesAcknowledged")).toBeGreaterThan(3000);
    const shown = (path: string) => page.locator(`.cards [data-live="${path}"]`).textContent();
    expect(await shown("connection.state")).toBe("ESTABLISHED");
    expect(await shown("connection.local")).toBe("10.0.0.2:80");
    expect(await shown("streams.used")).toBe("1");
    expect(await page.locator("#throughput").textContent()).toMatch(/^\d.* (B|KB)\/s$/);
    expect(complaints).toEqual([]);
  });

  test("draws what it is told", async () => {
    const { url } = await serve();
    const { page, complaints } = await visit(url);
    for (const plot of ["throughput", "windows", "rtt"]) {
      await expect
        .poll(async () => (await pointsOf(page, plot)).length, { timeout: 20_000 })
        .toBeGreaterThan(3);
      const points = await pointsOf(page, plot);
      for (const [x, y] of points) expect([x >= 0 && x <= 600, y >= 0 && y <= 100]).toEqual([true, true]);
      // Time goes to the right, and the newest stands at the edge.
      expect(points.map(([x]) => x)).toEqual(points.map(([x]) => x).sort((a, b) => a - b));
      expect(points.at(-1)?.[0]).toBe(600);
      const drawing = page.locator(`#plot-${plot} svg`);
      expect(await drawing.getAttribute("role")).toBe("img");
      expect(await drawing.getAttribute("aria-label")).toMatch(
        /last 60 seconds\. Now .*\d+(\.\d+)? [KMG]?(B|B\/s|ms)/,
      );
      const { width, height } = (await drawing.boundingBox()) ?? { width: 0, height: 0 };
      expect(Math.min(width / 600, height / 60)).toBeGreaterThanOrEqual(1);
    }
    expect(complaints).toEqual([]);
  });

  test("puts load on its connection: bytes and congestion window grow, and the other way round", async () => {
    const { url } = await serve();
    const { page, complaints } = await visit(url);
    await expectPhase(page, "live");
    // Idle, the window is what a connection starts with.
    const quiet = await numberUntil(page, "connection.congestionWindow", (value) => value < 20_000);
    const peer = await page.locator('.cards [data-live="connection.peer"]').textContent();
    await page.getByRole("button", { name: "10 MB/s" }).click();
    await numberUntil(page, "connection.bytesAcknowledged", (value) => value > 5_000_000);
    expect(await numberAt(page, "connection.congestionWindow")).toBeGreaterThan(quiet);
    expect(await page.locator("#throughput").textContent()).toMatch(/MB\/s$/);
    await page.getByRole("button", { name: "10 MB/s", pressed: true }).waitFor();
    await page.getByRole("button", { name: "quiet" }).click();
    await numberUntil(page, "connection.congestionWindow", (value) => value < 20_000);
    // It was the same connection all the time.
    expect(await page.locator('.cards [data-live="connection.peer"]').textContent()).toBe(peer);
    expect(complaints).toEqual([]);
  });

  test("shows retransmissions when the wire loses frames", async () => {
    const { service, url } = await serve();
    const { page, complaints } = await visit(url);
    await expectPhase(page, "live");
    let frames = 0;
    service.wire.filter = (frame, from) =>
      from !== DEVICE || frame.length < DATA_FRAME_BYTES || ++frames % 100 !== 0;
    await page.getByRole("button", { name: "1 MB/s", exact: true }).click();
    const retransmits = await numberUntil(page, "connection.retransmits", (value) => value >= 5);
    expect(service.device.core.counter(Counter.TCP_RETRANSMITS)).toBeGreaterThanOrEqual(retransmits);
    service.wire.filter = undefined;
    // Numbers and plot are drawn one after the other.
    const losses = () => page.locator("#plot-windows .losses").getAttribute("d");
    await expect.poll(losses, { timeout: 10_000 }).toMatch(/^M[\d.]+ 0V100/);
    expect(await numberAt(page, "connection.slowStartThreshold")).toBeGreaterThan(0);
    // A counter that had not moved when the page was made.
    expect(await numberAt(page, "counters.TCP_RETRANSMITS")).toBeGreaterThanOrEqual(retransmits);
    expect(complaints).toEqual([]);
  });

  test("takes what it can get: as fast as it goes, and still answers", async () => {
    const { service, url } = await serve();
    const { page, complaints } = await visit(url);
    await expectPhase(page, "live");
    await page.getByRole("button", { name: "as fast as it goes" }).click();
    await numberUntil(page, "connection.bytesAcknowledged", (value) => value > 20_000_000);
    expect(service.http.live.usage.used).toBe(1);
    await page.getByRole("button", { name: "Stop" }).click();
    await expectPhase(page, "stopped");
    await until(() => service.http.live.usage.used === 0);
    expect(complaints).toEqual([]);
  });
});

describe("the page and its stream", () => {
  test("says when the device is gone, and goes on when it is back", async () => {
    const { port, url, service } = await serve();
    const { page, complaints } = await visit(url);
    await expectPhase(page, "live");
    expect((await service.stop()).recordsLeft).toBe(0);
    await expectPhase(page, "disconnected");
    expect(await page.getByRole("status").textContent()).toContain("Disconnected");
    // It tries again, and meets nobody.
    await until(() => complaints.length > 0);
    await serve({ port });
    await expectPhase(page, "live");
    await numberUntil(page, "connection.bytesAcknowledged", (value) => value > 0);
    for (const complaint of complaints) expect(complaint).toContain("ERR_CONNECTION_REFUSED");
  });

  test("counts on when the device's counts wrap, and reads no more than an event may have", async () => {
    const { url } = await serve();
    const visitor = await open(browser, url, {}, async (page) => {
      const sample = (at: number, bytesAcknowledged: number) => {
        const connection = {
          bytesAcknowledged,
          bytesReceived: 7,
          retransmits: 0,
          congestionWindow: 1,
          sndWnd: 1,
        };
        const rest = { id: "x", at, load: 0, counters: {}, streams: { used: 1, of: 1 } };
        return `data: ${JSON.stringify({ ...rest, connection: { ...connection, inFlight: 0, rttMs: 1, rttVarMs: 1 } })}\n\n`;
      };
      const load = `:${".".repeat(100_000)}\n`;
      const events = [sample(1000, 2 ** 32 - 1000), load, sample(2000, 5_000_000), load];
      await page.route("**/live?*", (route) =>
        route.fulfill({ contentType: "text/event-stream", body: `${events.join("")}data: ${load}` }),
      );
    });
    visitors.push(visitor);
    await expectPhase(visitor.page, "disconnected");
    expect(await numberAt(visitor.page, "connection.bytesAcknowledged")).toBe(2 ** 32 + 5_000_000);
    expect(await visitor.page.locator("#throughput").textContent()).toBe("5.00 MB/s");
    expect(await visitor.page.getByRole("status").textContent()).toContain("an event is too long");
    expect(visitor.complaints).toEqual([]);
  });

  test("ends and begins by keyboard, and gives its record back", async () => {
    const { url, service } = await serve();
    const { page, complaints } = await visit(url);
    await expectPhase(page, "live");
    const names: string[] = [];
    for (let tabs = 0; tabs < 6; tabs++) {
      await page.keyboard.press("Tab");
      names.push((await page.locator(":focus").textContent()) ?? "");
    }
    expect(names).toEqual(["quiet", "100 KB/s", "1 MB/s", "10 MB/s", "as fast as it goes", "Stop"]);
    const outline = await styleOf(page.locator(":focus"), "outlineWidth");
    expect(outline).toBe("3px");
    await page.keyboard.press("Enter");
    await expectPhase(page, "stopped");
    await expectNoConnections(service);
    await page.keyboard.press("Space");
    await expectPhase(page, "live");
    expect(complaints).toEqual([]);
  });

  test("shows what the device says when it has no stream left", async () => {
    const { url, port, service } = await serve({ connections: 4 });
    const others = [1, 2].map(() => connectLocal(port));
    for (const other of others) other.resume().write("GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => service.http.live.usage.used === 2);
    const { page, complaints } = await visit(url);
    await expectPhase(page, "disconnected");
    expect(await page.getByRole("status").textContent()).toContain(
      "All live streams of this device are taken (2).",
    );
    for (const other of others) other.destroy();
    await until(() => service.http.live.usage.used === 0);
    // Whoever does not want to wait for the next try makes one.
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Start" }).click();
    await expectPhase(page, "live");
    for (const complaint of complaints) expect(complaint).toContain("503");
  });
});

describe("the page for everybody", () => {
  test("fits 360 pixels, with a script and without", async () => {
    const { url } = await serve();
    for (const javaScriptEnabled of [true, false]) {
      const { page, complaints } = await visit(url, {
        viewport: { width: 360, height: 740 },
        javaScriptEnabled,
      });
      if (javaScriptEnabled) {
        await page.getByRole("button", { name: "1 MB/s", exact: true }).click();
        await numberUntil(page, "connection.bytesAcknowledged", (value) => value > 1_000_000);
      }
      const wide = await page.locator("html").evaluate((root) => root.scrollWidth);
      expect(wide).toBe(360);
      // Nothing sticks out of its own box either.
      const boxes = await page
        .locator("main *:visible:not(path)")
        .evaluateAll((elements) =>
          elements
            .filter((element) => element.getBoundingClientRect().right > 360)
            .map(({ outerHTML }) => outerHTML),
        );
      expect(boxes).toEqual([]);
      expect(complaints).toEqual([]);
    }
  });

  test.each(["light", "dark"] as const)("can be read in %s colours", async (colorScheme) => {
    const { url } = await serve();
    const { page, complaints } = await visit(url, { colorScheme });
    await expectPhase(page, "live");
    const [ground] = await coloursOf("body");
    expect(luminance(ground) > 0.5).toBe(colorScheme === "light");
    const pressed = 'button[aria-pressed="true"]';
    for (const where of [
      ".cards dt",
      ".cards dd",
      "h1",
      "#status",
      ".tiles small",
      "footer p",
      "button",
      pressed,
      ".loss",
    ]) {
      const [background, text] = await coloursOf(where);
      const [low, high] = [luminance(background), luminance(text)].sort((a, b) => a - b) as [number, number];
      // WCAG 2.2 criterion 1.4.3.
      expect((high + 0.05) / (low + 0.05), where).toBeGreaterThanOrEqual(4.5);
    }
    expect(complaints).toEqual([]);

    /** Of the first such element: what it stands on, and its text; red, green, blue. */
    async function coloursOf(where: string): Promise<[number[], number[]]> {
      const element = page.locator(where).first();
      const texts = [await groundOf(element), await styleOf(element, "color")];
      const [background = [], text = []] = texts.map((colour) => (colour.match(/\d+/g) ?? []).map(Number));
      return [background, text];
    }
  });

  test("shows the numbers of the moment without JavaScript", async () => {
    const { url } = await serve();
    const { page, complaints } = await visit(url, { javaScriptEnabled: false });
    expect(await page.locator('.cards [data-live="connection.state"]').textContent()).toBe("ESTABLISHED");
    expect(await numberAt(page, "connection.rttMs")).toBeGreaterThanOrEqual(0);
    expect(await page.getByText("Without a script").isVisible()).toBe(true);
    expect(await page.locator("button:visible, live-plot:visible, #status:visible").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("moves little for those who ask for that", async () => {
    const { url } = await serve();
    const { page, complaints } = await visit(url, { reducedMotion: "reduce" });
    await expectPhase(page, "live");
    const draws = await page.locator("#plot-rtt .line-0").evaluateHandle((path) => {
      const counted = { draws: 0 };
      const { MutationObserver } = path.ownerDocument.defaultView;
      new MutationObserver(() => counted.draws++).observe(path, { attributes: true });
      return counted;
    });
    const before = await numberAt(page, "connection.segmentsOut");
    const after = await numberUntil(page, "connection.segmentsOut", (value) => value >= before + 8);
    // Each sample takes a segment at least; not each is drawn.
    const counted = await draws.evaluate(({ draws }) => draws);
    expect(counted).toBeGreaterThan(0);
    expect(counted * 2).toBeLessThan(after - before);
    expect(complaints).toEqual([]);
  });
});

/** Relative luminance of an sRGB colour, 0 to 1, as WCAG 2.2 defines it. */
function luminance(colour: readonly number[]): number {
  const linear = colour.slice(0, 3).map((octet) => {
    const part = octet / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const [red = 0, green = 0, blue = 0] = linear;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
