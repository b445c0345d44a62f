// `npm run screenshots`: pictures of the device's page, as docs/ shows them. Needs Chromium; takes about a minute,
// because the page shows one.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { hasTool, root, run } from "./support.mjs";

const { Service } = await import("../build/host/serve.js");

const SECOND = 1000;

/** What the page is asked for, for how many seconds, and of how many of the device's frames one is lost then. */
const STORY = [
  { load: "quiet", seconds: 4 },
  { load: "1 MB/s", seconds: 10 },
  { load: "10 MB/s", seconds: 14 },
  { load: "10 MB/s", seconds: 10, loses: 10_000 },
  { load: "100 KB/s", seconds: 8 },
  { load: "10 MB/s", seconds: 6 },
  { load: "1 MB/s", seconds: 7, loses: 1000 },
];

const PICTURES = [
  { name: "page-light-wide", colorScheme: "light", width: 1100 },
  { name: "page-dark-wide", colorScheme: "dark", width: 1100 },
  { name: "page-light-narrow", colorScheme: "light", width: 360, height: 1700 },
  { name: "page-dark-narrow", colorScheme: "dark", width: 360, height: 1700 },
];

if (!hasTool("chromium")) stop("chromium is missing; Debian package chromium");
await main();

async function main() {
  const options = { address: "127.0.0.1", port: 0, echoPort: 0, connections: 64, seed: randomBytes(32) };
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wasm = readFileSync(join(root, "build/core.wasm"));
  const service = new Service({ ...options, version, wasm });
  const { port } = await service.start(options);
  const executablePath = run("sh", ["-c", "command -v chromium"]).output.trim();
  const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath, chromiumSandbox: false, args });
  try {
    const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    await page.goto(`http://127.0.0.1:${port}/`);
    await tellStory(service, page);
    for (const picture of PICTURES) await take(page, picture);
  } finally {
    await browser.close();
    await service.stop();
  }
}

async function tellStory(service, page) {
  for (const { load, seconds, loses } of STORY) {
    console.log(`screenshots: ${load} for ${seconds} s${loses ? `, of ${loses} frames one lost` : ""}`);
    let frames = 0;
    service.wire.filter = loses ? (_frame, from) => from !== 0 || ++frames % loses !== 0 : undefined;
    await page.getByRole("button", { name: load, exact: true }).click();
    await sleep(seconds * SECOND);
  }
}

async function take(page, { name, colorScheme, width, height }) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: height ?? 900 });
  // Until the next sample has been drawn.
  await sleep(SECOND / 2);
  const path = join(root, "docs/images", `${name}.png`);
  await page.screenshot({ path, fullPage: height === undefined });
  console.log(`screenshots: docs/images/${name}.png`);
}

function stop(text) {
  console.error(`screenshots: ${text}`);
  process.exit(1);
}
