// The device's page: the visitor's own connection as the stack sees it. One document, nothing loaded from elsewhere.
// The numbers are there without a script; host/apps/page/live.ts keeps them moving where there is one.

import type { Info, Usage } from "./info.js";
import type { Load } from "./page/sample.js";
import type { PageFiles } from "./page_files.js";

/** What the core says for "arbitrarily high". */
const NO_THRESHOLD = 2 ** 30;

/** One number or name, and where it stands in Info and in the samples of /live. */
interface Row {
  readonly label: string;
  readonly path: string;
  readonly unit?: string;
  /** Digits after the point. */
  readonly digits?: number;
  /** Path of what `path` is a part of. */
  readonly of?: string;
  /** From this value on there is none. */
  readonly none?: number;
}

/** What the page tells. */
export type PageInfo = Info & { streams: Usage };

const TILES: readonly Row[] = [
  { label: "Round trip", path: "connection.rttMs", unit: "ms", digits: 1 },
  { label: "Congestion window", path: "connection.congestionWindow", unit: "bytes" },
  { label: "Your window", path: "connection.sndWnd", unit: "bytes" },
  { label: "Retransmitted", path: "connection.retransmits", unit: "segments" },
];

const CONNECTION: readonly Row[] = [
  { label: "State", path: "connection.state" },
  { label: "You", path: "connection.peer" },
  { label: "Device", path: "connection.local" },
  { label: "Round trip", path: "connection.rttMs", unit: "ms", digits: 1 },
  { label: "Round trip variation", path: "connection.rttVarMs", unit: "ms", digits: 1 },
  { label: "Retransmission time-out", path: "connection.rtoMs", unit: "ms" },
  { label: "Its doublings now", path: "connection.backoff" },
  { label: "Largest segment out", path: "connection.sendMss", unit: "bytes" },
  { label: "Largest segment in", path: "connection.receiveMss", unit: "bytes" },
  { label: "Last error", path: "connection.error" },
];

const WINDOWS: readonly Row[] = [
  { label: "Send window (yours)", path: "connection.sndWnd", unit: "bytes" },
  { label: "Receive window (ours)", path: "connection.rcvWnd", unit: "bytes" },
  { label: "Congestion window", path: "connection.congestionWindow", unit: "bytes" },
  {
    label: "Slow start up to",
    path: "connection.slowStartThreshold",
    unit: "bytes",
    none: NO_THRESHOLD,
  },
  { label: "In flight", path: "connection.inFlight", unit: "bytes" },
  { label: "Send queue", path: "connection.sendQueued", of: "connection.sendRingBytes", unit: "bytes" },
  {
    label: "Receive queue",
    path: "connection.receiveQueued",
    of: "connection.receiveRingBytes",
    unit: "bytes",
  },
  { label: "Waiting for the send queue", path: "connection.hostQueued", unit: "bytes" },
];

const TRAFFIC: readonly Row[] = [
  { label: "Bytes acknowledged", path: "connection.bytesAcknowledged" },
  { label: "Bytes received", path: "connection.bytesReceived" },
  { label: "Segments out", path: "connection.segmentsOut" },
  { label: "Segments in", path: "connection.segmentsIn" },
  { label: "Segments retransmitted", path: "connection.retransmits" },
  { label: "Segments out of order", path: "connection.outOfOrder" },
  { label: "Duplicate ACKs in a row", path: "connection.duplicateAcks" },
  { label: "Windows shut by you", path: "connection.zeroWindows" },
];

const DEVICE: readonly Row[] = [
  { label: "Connections", path: "usage.connections.used", of: "usage.connections.of" },
  { label: "Listeners", path: "usage.listeners.used", of: "usage.listeners.of" },
  { label: "Half-open handshakes", path: "usage.synEntries.used", of: "usage.synEntries.of" },
  { label: "TIME-WAIT", path: "usage.timeWaitEntries.used", of: "usage.timeWaitEntries.of" },
  { label: "Live streams", path: "streams.used", of: "streams.of" },
  { label: "Requests answered", path: "requests" },
  { label: "Module", path: "moduleBytes", unit: "bytes" },
  { label: "Its state", path: "stateBytes", unit: "bytes" },
  { label: "Version", path: "version" },
  { label: "Build", path: "build" },
  { label: "Engine", path: "engine" },
];

const LOADS: readonly (readonly [load: Load, label: string])[] = [
  [0, "quiet"],
  [100_000, "100 KB/s"],
  [1_000_000, "1 MB/s"],
  [10_000_000, "10 MB/s"],
  ["full", "as fast as it goes"],
];

/** The page for `info` as HTML. */
export function renderPage(info: PageInfo, files: PageFiles): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Ferrule: your connection</title>
<link rel="icon" href="data:,">
<style>${files.style}</style>
</head>
<body>
<header>
<h1>Ferrule</h1>
<p>This page came to you over a TCP/IP stack in one WebAssembly module of ${digits(info.moduleBytes)} bytes. It shows
the connection that carries it, as that stack sees it.</p>
<p class="scripted" role="status" id="status"></p>
<p class="unscripted">Without a script these are the numbers of the moment when the page was made. Reload, and see them
move.</p>
</header>
<main>
${renderTiles(info)}
${renderPlots()}
<div class="cards">
${section("Your connection", CONNECTION, info)}
${section("Windows and queues", WINDOWS, info)}
${section("Traffic", TRAFFIC, info)}
${section("The device", DEVICE, info)}
${section("Counters of the device", counterRows(info), info, "counters")}
</div>
</main>
<footer>
<p>The same as JSON: <a href="/info">/info</a>; as a stream: <code>/live</code>. Bytes to download:
<a href="/bytes/1048576">/bytes/1048576</a>, with their SHA-256 in the header <code>X-Content-SHA256</code>.
<code>POST /echo</code> sends your body back.</p>
</footer>
${files.scripts.map((script) => `<script type="module">${script}</script>`).join("\n")}
</body>
</html>
`;
}

function renderTiles(info: PageInfo): string {
  const tiles = TILES.map((row) => `<div><dt>${row.label}</dt><dd>${value(row, info)}</dd></div>`);
  const throughput = `<div class="scripted"><dt>Throughput</dt><dd id="throughput">0 B/s</dd></div>`;
  const sent = `<div class="scripted"><dt>Acknowledged</dt><dd id="sent">0 B</dd></div>`;
  return `<dl class="tiles">\n${[throughput, sent, ...tiles].join("\n")}\n</dl>`;
}

function renderPlots(): string {
  const buttons = LOADS.map(
    ([load, label]) =>
      `<button type="button" data-load="${load}" aria-pressed="${load === 0}">${label}</button>`,
  );
  return `<section class="scripted" aria-labelledby="plots-title">
<h2 id="plots-title">The last 60 seconds</h2>
<div class="controls">
<div class="loads" role="group" aria-labelledby="loads-title">
<span id="loads-title">Load on this connection</span>
${buttons.join("\n")}
</div>
<button type="button" id="stop">Stop</button>
</div>
<live-plot id="plot-throughput"></live-plot>
<live-plot id="plot-windows"></live-plot>
<live-plot id="plot-rtt"></live-plot>
<p><span class="loss">Upright red lines</span> are retransmissions. While little is sent, the round trip includes the time for
which your side delays its ACKs. Load ends after a minute.</p>
</section>`;
}

/** The counters that have moved. */
function counterRows({ counters }: PageInfo): Row[] {
  return Object.entries(counters)
    .filter(([, count]) => count > 0)
    .map(([name]) => ({ label: name, path: `counters.${name}` }));
}

function section(title: string, rows: readonly Row[], info: PageInfo, id = ""): string {
  const lines = rows.map((row) => `<div><dt>${escapeHtml(row.label)}</dt><dd>${value(row, info)}</dd></div>`);
  const list = `<dl${id && ` id="${id}"`}>\n${lines.join("\n")}\n</dl>`;
  return `<section><h2>${escapeHtml(title)}</h2>${list}</section>`;
}

/** A row's value and unit, marked for the script. */
function value(row: Row, info: PageInfo): string {
  const unit = row.unit ? ` <small>${row.unit}</small>` : "";
  const whole = row.of ? ` of ${live({ ...row, path: row.of }, info)}` : "";
  return `${live(row, info)}${whole}${unit}`;
}

function live({ path, digits: fraction, none }: Row, info: PageInfo): string {
  const marks = [
    `data-live="${escapeHtml(path)}"`,
    fraction === undefined ? "" : ` data-digits="${fraction}"`,
    none === undefined ? "" : ` data-none="${none}"`,
  ];
  const found = path
    .split(".")
    .reduce<unknown>((object, name) => (object as Record<string, unknown> | null)?.[name], info);
  return `<span ${marks.join("")}>${escapeHtml(show(found, fraction, none))}</span>`;
}

/** As `show` in page/live.ts. */
function show(found: unknown, fraction = 0, none = Number.POSITIVE_INFINITY): string {
  if (typeof found !== "number") return String(found ?? "none");
  return found >= none ? "any number of" : digits(found, fraction);
}

/** Digits in groups of three. */
function digits(number: number, fraction = 0): string {
  const options = { minimumFractionDigits: fraction, maximumFractionDigits: fraction };
  return number.toLocaleString("en", options).replaceAll(",", "\u202f");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
