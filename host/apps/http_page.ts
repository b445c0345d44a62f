// The device's page: the visitor's own connection as the stack sees it. One document, nothing loaded from elsewhere.

import type { Connection, Info, Usage } from "./info.js";

/** What the core says for "arbitrarily high". */
const NO_THRESHOLD = 2 ** 30;

type Row = [label: string, value: string | number, unit?: string];

/** The page for `info` as HTML. */
export function renderPage(info: Info): string {
  const { connection } = info;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Ferrule: your connection</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Ferrule</h1>
<p>This page came to you over a TCP/IP stack in one WebAssembly module of ${number(info.moduleBytes)} bytes. Below is
your own connection as that stack sees it. Reload, and see the numbers move.</p>
</header>
<main>
${connection ? renderConnection(connection) : "<section><p>Your connection has ended.</p></section>"}
${section("Records in use", usageRows(info))}
${section("The module", moduleRows(info))}
${section("Counters", counterRows(info))}
</main>
<footer>
<p>The same as JSON: <a href="/info">/info</a>. Bytes to download: <a href="/bytes/1048576">/bytes/1048576</a>, with
their SHA-256 in the header <code>X-Content-SHA256</code>. <code>POST /echo</code> sends your body back.</p>
</footer>
</body>
</html>
`;
}

function renderConnection(connection: Connection): string {
  const path: Row[] = [
    ["State", connection.state],
    ["You", connection.peer],
    ["Device", connection.local],
    ["Round trip", connection.rttMs, "ms"],
    ["Round trip variation", connection.rttVarMs, "ms"],
    ["Retransmission time-out", connection.rtoMs, "ms"],
    ["Congestion window", connection.congestionWindow, "bytes"],
    ["Slow start up to", slowStartEnd(connection.slowStartThreshold), "bytes"],
    ["Last error", connection.error],
  ];
  const windows: Row[] = [
    ["Send window (yours)", connection.sndWnd, "bytes"],
    ["Receive window (ours)", connection.rcvWnd, "bytes"],
    ["Largest segment sent", connection.sendMss, "bytes"],
    ["Largest segment accepted", connection.receiveMss, "bytes"],
    ["Send ring", connection.sendRingBytes, "bytes"],
    ["Receive ring", connection.receiveRingBytes, "bytes"],
  ];
  const traffic: Row[] = [
    ["Bytes received", connection.bytesReceived],
    ["Bytes acknowledged", connection.bytesAcknowledged],
    ["Segments in", connection.segmentsIn],
    ["Segments out", connection.segmentsOut],
    ["Retransmitted", connection.retransmits],
    ["Out of order", connection.outOfOrder],
    ["Windows shut by you", connection.zeroWindows],
    ["Waiting to be acknowledged", connection.sendQueued, "bytes"],
    ["Waiting to be read", connection.receiveQueued, "bytes"],
  ];
  return [section("Your connection", path), section("Windows", windows), section("Traffic", traffic)].join(
    "\n",
  );
}

/** The threshold; as long as no loss was met there is none (RFC 5681 section 3.1). */
function slowStartEnd(threshold: number): string | number {
  return threshold < NO_THRESHOLD ? threshold : "any number of";
}

function usageRows({ usage }: Info): Row[] {
  const row = (label: string, { used, of }: Usage): Row => [label, `${number(used)} of ${number(of)}`];
  return [
    row("Connections", usage.connections),
    row("Listeners", usage.listeners),
    row("Half-open handshakes", usage.synEntries),
    row("TIME-WAIT", usage.timeWaitEntries),
  ];
}

function moduleRows(info: Info): Row[] {
  return [
    ["Version", info.version],
    ["Build", info.build],
    ["Engine", info.engine],
    ["Module", info.moduleBytes, "bytes"],
    ["State", info.stateBytes, "bytes"],
    ["Requests answered", info.requests],
  ];
}

/** The counters that have moved. */
function counterRows({ counters }: Info): Row[] {
  return Object.entries(counters)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => [name, value]);
}

function section(title: string, rows: Row[]): string {
  const lines = rows.map(
    ([label, value, unit]) =>
      `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(number(value))}${unit ? ` <small>${unit}</small>` : ""}</dd></div>`,
  );
  return `<section><h2>${escapeHtml(title)}</h2><dl>\n${lines.join("\n")}\n</dl></section>`;
}

/** Digits in groups of three; text stays as it is. */
function number(value: string | number): string {
  return typeof value === "string" ? value : value.toLocaleString("en").replaceAll(",", "\u202f");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { --text: #1d2126; --muted: #5d6772; --page: #f4f5f6; --card: #fff; --line: #e2e5e8; --accent: #9a5b13; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7ea; --muted: #98a2ad; --page: #14171a; --card: #1d2125; --line: #2f353b; --accent: #e0a458; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem; max-width: 68rem; color: var(--text); background: var(--page);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.75rem; color: var(--accent); }
h2 { margin: 0 0 .5rem; font-size: 1rem; }
header p, footer p { max-width: 42rem; color: var(--muted); }
a { color: var(--accent); }
code { font-size: .9em; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
section { padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
dl { margin: 0; }
dl div { display: flex; justify-content: space-between; gap: 1rem; padding: .2rem 0; border-top: 1px solid var(--line); }
dt { color: var(--muted); overflow-wrap: anywhere; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
small { color: var(--muted); }
`;
