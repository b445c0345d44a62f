// The reference capture with dnsmasq and nginx, on a TAP interface of the Linux kernel: what `ferrule demo` prints is what
// tshark prints of the capture.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Namespace } from "../kernel/namespace.js";
import { makeWire, SERVER, startDnsmasq, startNginx } from "../kernel/servers.js";
import { ENGINE, ENGINE_PROOF, missingEngine } from "../report/engine.js";
import { missingTools } from "../report/tools.js";
import { tsharkLines } from "./support.js";

/** Both columns of states. */
const STATES_WIDTH = 2 * 13;

const PAGE = Buffer.from("<p>a line of a page that takes a few segments</p>\n".repeat(90));

let network: Namespace;
let folder: string;

beforeEach(async () => {
  network = await Namespace.create();
  folder = mkdtempSync(join(tmpdir(), "ferrule-demo-tap-"));
  await makeWire(network);
});

afterEach(async () => {
  await network.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** What the command prints: lines of frames by number, what is told between, and which frames are left out. */
async function demo(...args: string[]) {
  const pcap = join(folder, "demo.pcapng");
  const command = ["build/host/cli.js", "demo", "handshake", "--tap", "wire", "--engine", ENGINE];
  const { code, stdout, stderr } = await network.run(process.execPath, [...command, "--pcap", pcap, ...args]);
  const lines = stdout.toString().split("\n");
  const frames = lines.flatMap((line) => {
    const text = line.slice(STATES_WIDTH);
    const [, number] = /^ *(\d+) \d+\.\d{9} /.exec(text) ?? [];
    const states = [0, 13].map((at) => line.slice(at, at + 13).trim());
    return number === undefined ? [] : [{ number: Number(number), text, states }];
  });
  const notes = lines.filter((line) => line.startsWith("-- ")).map((line) => line.slice(3));
  const told = notes.filter((note) => !note.startsWith("left out"));
  return { code, stdout: String(stdout), stderr, frames, notes, told, pcap };
}

/** Every line is tshark's, and what is left out is nothing that the device had to do with. */
function expectAsTshark({ frames, notes, pcap }: Awaited<ReturnType<typeof demo>>): void {
  const theirs = tsharkLines(readFileSync(pcap));
  expect(frames.map(({ text }) => text)).toEqual(frames.map(({ number }) => theirs[number - 1]));
  const shown = new Set(frames.map(({ number }) => number));
  const rest = theirs.filter((_, index) => !shown.has(index + 1));
  for (const line of rest) expect(line).toMatch(/ ICMPv6 /);
  const counts = notes.map((note) => Number(/^left out: .* \((\d+) of the network\)$/.exec(note)?.[1] ?? 0));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(rest.length);
}

/** The states of one end, each once. */
function walk(frames: readonly { states: string[] }[], end: 0 | 1): string[] {
  const states = frames.flatMap(({ states }) => states[end] || []);
  return states.filter((state, index) => state !== states[index - 1]);
}

/** The kernel's end is asked after each frame, and may have gone on by then: what it walks through, in this order. */
const KERNEL = ["LISTEN", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"];

function expectLife(frames: readonly { states: string[] }[]): void {
  const device = walk(frames, 0).filter((state) => state !== "FIN-WAIT-2");
  expect(device.slice(device.indexOf("SYN-SENT"), device.indexOf("TIME-WAIT") + 1)).toEqual([
    "SYN-SENT",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "TIME-WAIT",
  ]);
  const places = walk(frames, 1).map((state) => KERNEL.indexOf(state));
  expect(places).toEqual([...places].sort());
  for (const state of ["LISTEN", "ESTABLISHED", "CLOSED"]) expect(places).toContain(KERNEL.indexOf(state));
}

const needs = missingEngine ?? missingTools("namespaces", "dnsmasq", "nginx", "tshark");

describe.skipIf(needs)("demo handshake --tap", () => {
  test("with an address from DHCP, and a name: every line is tshark's", async () => {
    await startDnsmasq(network, folder, [], "--dhcp-range=10.0.0.50,10.0.0.60,120", "--local-ttl=60");
    await startNginx(network, folder, PAGE);
    const leased = await demo("--dhcp", "--url", "http://web.test/");
    expect([leased.code, leased.stderr]).toEqual([0, ""]);
    expectAsTshark(leased);
    expectLife(leased.frames);
    const protocols = leased.frames.map(({ text }) => / (ARP|DHCP|DNS|TCP|HTTP) \d+ /.exec(text)?.[1]);
    expect(protocols.filter((name) => name === "DHCP").length).toBe(5);
    expect(protocols.filter((name) => name === "DNS").length).toBe(2);
    expect(protocols.filter((name) => name === "HTTP").length).toBe(2);
    expect(leased.told).toEqual([
      "device: asks for an address",
      expect.stringMatching(/^device: leased 10\.0\.0\.\d+ for 120 s, router 10\.0\.0\.1, DNS 10\.0\.0\.1$/),
      "device: looks up web.test, to connect to its port 80",
      "device: sends its request",
      expect.stringMatching(/^device: has read \d+ octets, and closes$/),
      "device: looks up web.test again, and knows without asking: 10.0.0.1",
      "device: gives its address back",
    ]);
    const [, engine] =
      /\nThe page came: HTTP\/1\.1 200 OK, \d+ octets with its head\. The device ran on (.*)\.\n/.exec(
        leased.stdout,
      ) ?? [];
    expect(engine).toMatch(ENGINE_PROOF);
    expect(leased.frames.at(-1)?.text).toContain("DHCP Release");
  });

  test("with an address of its own: a name by --dns, and an address without", async () => {
    await startDnsmasq(network, folder, []);
    await startNginx(network, folder, PAGE);
    const named = await demo("--dns", SERVER, "--url", "http://alias.test/");
    expect([named.code, named.stderr]).toEqual([0, ""]);
    expectAsTshark(named);
    expectLife(named.frames);
    // Without --local-ttl dnsmasq allows nobody to keep its answers.
    expect(named.told.at(-1)).toBe(
      "device: looks up alias.test again, and asks: its answer may be kept no longer: 10.0.0.1",
    );
    const plain = await demo("--url", `http://${SERVER}/index.html?x`);
    expect([plain.code, plain.stderr]).toEqual([0, ""]);
    expectAsTshark(plain);
    expectLife(plain.frames);
    expect(plain.frames.some(({ text }) => text.endsWith("GET /index.html?x HTTP/1.1 "))).toBe(true);
  });

  test("shows what came, too, when the server does not play along", async () => {
    const refused = await demo("--url", `http://${SERVER}/`);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`ferrule: no connection to port 80 of ${SERVER}: `),
    ]);
    expectAsTshark(refused);
    expect(refused.frames.at(-1)?.text).toContain("[RST, ACK]");
    expect(refused.frames.at(-1)?.states).toEqual(["CLOSED", "CLOSED"]);
  });
});
