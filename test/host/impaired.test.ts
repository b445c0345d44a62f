// Bad networks before any link, and links that are joined.

import { expect, test } from "vitest";
import { netmaskOf } from "../../host/address.js";
import { Advice } from "../../host/advice.js";
import { joinLinks } from "../../host/link/join.js";
import { Wire } from "../../host/link/wire.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { impairLink, parseImpairment } from "../../host/sim/impaired.js";
import { IN_FLIGHT_MAX } from "../../host/sim/lossy.js";

const FRAMES = 1000;

/** Sends numbered frames through a link that is impaired so; how many came out in each direction. */
function carry(text: string): { sent: number; received: number; statistics: { lost: number } } {
  const clock = new VirtualClock(0);
  const wire = new Wire();
  const far = wire.port();
  const { link, statistics } = impairLink(wire.port(), clock, parseImpairment(text));
  const got = { sent: 0, received: 0 };
  for (let index = 0; index < FRAMES; index++) {
    link.send(Uint8Array.of(index));
    far.send(Uint8Array.of(index));
    clock.advance(1);
    while (far.receive()) got.sent++;
    while (link.receive()) got.received++;
  }
  clock.advance(1000);
  while (far.receive()) got.sent++;
  while (link.receive()) got.received++;
  return { ...got, statistics };
}

test("nothing is lost on a network that only delays", () => {
  expect(carry("delay=100ms,jitter=10ms")).toMatchObject({ sent: FRAMES, received: FRAMES });
});

test("what is on the way is bounded, and gone when the network ends", () => {
  const clock = new VirtualClock(0);
  const { link, statistics, stop } = impairLink(new Wire().port(), clock, parseImpairment("delay=10000ms"));
  for (let index = 0; index < IN_FLIGHT_MAX + 100; index++) link.send(Uint8Array.of(index));
  expect(statistics).toMatchObject({ sent: IN_FLIGHT_MAX + 100, lost: 100 });
  stop();
  clock.advance(20_000);
  expect(statistics).toMatchObject({ delivered: 0, lost: IN_FLIGHT_MAX + 100 });
});

test.each([
  ["loss=100%", 0, 0],
  ["loss=100%,direction=in", FRAMES, 0],
  ["loss=100%,direction=out", 0, FRAMES],
  ["duplicate=100%,direction=both", 2 * FRAMES, 2 * FRAMES],
])("%s: %i are sent, %i received", (text, sent, received) => {
  expect(carry(text)).toMatchObject({ sent, received });
});

test("the seed decides which frames are lost", () => {
  const [first, again, other] = ["loss=50%,seed=1", "loss=50%,seed=1", "loss=50%,seed=2"].map(carry);
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect(first?.statistics.lost).toBeGreaterThan(FRAMES / 2);
});

test("percentages and times are read", () => {
  const text = "loss=2.5%,delay=20ms,jitter=1.5ms,reorder=5%,duplicate=1%,corrupt=100%,seed=7";
  const chances = { delayMs: 20, jitterMs: 1.5, loss: 0.025, reorder: 0.05, duplicate: 0.01, corrupt: 1 };
  expect(parseImpairment(text)).toEqual({ seed: 7, sent: chances, received: chances });
  expect(parseImpairment("loss=2%,direction=in").sent).toEqual({ delayMs: 0 });
});

test.each([
  "",
  "loss",
  "loss=2",
  "loss=%",
  "loss=101%",
  "loss=-1%",
  "delay=20",
  "delay=20s",
  "delay=20000ms",
  "lost=2%",
])('an impairment "%s" is refused with an example', (text) => {
  expect(() => parseImpairment(text)).toThrow(Advice);
  expect(() => parseImpairment(text)).toThrow("write as in loss=2%");
});

test("joined links carry both ways, wait for room, and stop", () => {
  const clock = new VirtualClock(0);
  const [left, right] = [new Wire(2), new Wire(2)];
  const [leftEnd, rightEnd] = [left.port(), right.port()];
  const stop = joinLinks(left.port(), right.port(), clock);
  for (let index = 0; index < 8; index++) {
    if (leftEnd.hasRoom) leftEnd.send(Uint8Array.of(index));
    clock.advance(1);
  }
  // Two wait at the far end, two in front of the joint.
  const taken: number[] = [];
  for (let round = 0; round < 8; round++) {
    const frame = rightEnd.receive();
    if (frame) taken.push(frame[0] as number);
    clock.advance(1);
  }
  expect(taken).toEqual([0, 1, 2, 3]);
  rightEnd.send(Uint8Array.of(9));
  clock.advance(1);
  expect(leftEnd.receive()).toEqual(Uint8Array.of(9));
  stop();
  rightEnd.send(Uint8Array.of(10));
  clock.advance(1);
  expect(leftEnd.receive()).toBeUndefined();
});

test.each([
  [24, "255.255.255.0"],
  [30, "255.255.255.252"],
  [9, "255.128.0.0"],
  [1, "128.0.0.0"],
  [0, "0.0.0.0"],
  [32, "255.255.255.255"],
])("the netmask of /%i", (length, netmask) => {
  expect(netmaskOf(length)).toBe(netmask);
});
