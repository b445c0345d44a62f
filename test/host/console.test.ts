// What `ferrule serve` prints about connections.

import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { ConnectionLog, formatBytes } from "../../host/console.js";
import type { Passage, PassageSource } from "../../host/passages.js";
import { VirtualClock } from "../../host/sim/clock.js";

function passage(number: number, failure?: string): Passage {
  const client = `127.0.0.1:${50000 + number}`;
  return { number, service: "http", client, since: 0, toDevice: 83, fromDevice: 1_500_000, failure };
}

function createLog() {
  const clock = new VirtualClock(0);
  const gateway = Object.assign(new EventEmitter<{ open: [Passage]; close: [Passage] }>(), { open: 3 });
  const lines: string[] = [];
  const log = new ConnectionLog(gateway as unknown as PassageSource, clock, (line) => lines.push(line));
  return { clock, gateway, lines, log };
}

test("a line for each connection that comes and goes", () => {
  const { clock, gateway, lines } = createLog();
  gateway.emit("open", passage(1));
  clock.advance(2500);
  gateway.emit("close", passage(1));
  gateway.emit("close", passage(2, "ECONNRESET"));
  expect(lines).toEqual([
    "+ #1 http from 127.0.0.1:50001",
    "- #1 http 83 B in, 1.5 MB out, 2.5 s",
    "- #2 http 83 B in, 1.5 MB out, 2.5 s, ECONNRESET",
  ]);
});

test("a line a second for the rest when there are many", () => {
  const { clock, gateway, lines, log } = createLog();
  for (let number = 1; number <= 500; number++) gateway.emit("open", passage(number));
  for (let number = 1; number <= 400; number++) gateway.emit("close", passage(number));
  expect(lines.length).toBe(10);
  clock.advance(1000);
  expect(lines.slice(10)).toEqual(["  and 490 opened, 400 closed; 3 open now"]);
  gateway.emit("close", passage(500));
  expect(lines[11]).toContain("- #500");
  log.stop();
  gateway.emit("close", passage(401));
  expect(lines.length).toBe(12);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 KB"],
  [104_857_600, "104.9 MB"],
  [2_500_000_000, "2.5 GB"],
])("%i bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
