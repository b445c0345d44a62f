// Headless Chromium with the device's page in it, and everything that it must not do written down.

import { execFileSync } from "node:child_process";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";

/** How long a test waits for something on the page to come true, in milliseconds; reaching it is a failure. */
export const PATIENCE_MS = 20_000;

/** Starts Debian's Chromium, with an empty profile of its own. */
export function startBrowser(): Promise<Browser> {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  return chromium.launch({
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [
      ...["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
      ...["--disable-component-update", "--disable-sync"],
    ],
  });
}

/** A page, and what went wrong with it. */
export interface Visitor {
  readonly page: Page;
  /** Errors and warnings of the page, requests that went elsewhere or that the policy stopped. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** Opens `url` in a window of its own; `prepare` has the page before it is loaded. */
export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  prepare?: (page: Page) => Promise<void>,
): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const target = request.url();
    if (!target.startsWith(`${url}/`) && !target.startsWith("data:")) complaints.push(`asked for ${target}`);
  });
  await prepare?.(page);
  await page.goto(`${url}/`);
  return { page, complaints, close: () => context.close() };
}

/** Waits until the page says so of itself. */
export async function expectPhase(page: Page, phase: string): Promise<void> {
  await page.locator(`#status[data-phase="${phase}"]`).waitFor();
}

/** The number that the page shows for `path`, its groups of digits joined. */
export async function numberAt(page: Page, path: string): Promise<number> {
  const text = await page.locator(`.cards [data-live="${path}"]`).first().textContent();
  const number = Number(text?.replaceAll("\u202f", ""));
  expect(number, `${path}: ${text}`).not.toBeNaN();
  return number;
}

/** Waits, for a bounded time, until the number that the page shows for `path` is as wanted; returns it. */
export async function numberUntil(
  page: Page,
  path: string,
  wanted: (value: number) => boolean,
): Promise<number> {
  const limit = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await numberAt(page, path);
    if (wanted(value)) return value;
    if (performance.now() > limit) expect.fail(`${path} is ${value}, not as wanted: ${wanted}`);
    await page.waitForTimeout(50);
  }
}

/** The points of the first line of a plot, as far as it has been drawn. */
export async function pointsOf(page: Page, plot: string): Promise<[x: number, y: number][]> {
  const path = await page.locator(`#plot-${plot} .line-0`).getAttribute("d");
  return [...(path ?? "").matchAll(/([\d.-]+) ([\d.-]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

/** A property of an element's computed style. */
export function styleOf(locator: Locator, property: string): Promise<string> {
  return locator.evaluate(
    (element, name) => element.ownerDocument.defaultView.getComputedStyle(element)[name],
    property,
  );
}

/** The colour that an element stands on. */
export function groundOf(locator: Locator): Promise<string> {
  return locator.evaluate((element) => {
    const { getComputedStyle } = element.ownerDocument.defaultView;
    const colourOf = (each: unknown) => getComputedStyle(each).backgroundColor;
    let ground = element;
    while (colourOf(ground) === "rgba(0, 0, 0, 0)" && ground.parentElement) ground = ground.parentElement;
    return colourOf(ground);
  });
}
