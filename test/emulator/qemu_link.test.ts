// Frames between this process and QEMU.

import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { QemuLink } from "../../host/emulator/qemu_link.js";
import { VirtualClock } from "../../host/sim/clock.js";

/** As QEMU sends it. */
function message(...octets: number[]): Buffer {
  return Buffer.from([0, 0, 0, octets.length, ...octets]);
}

function joined() {
  const [ours, qemus] = duplexPair();
  const link = new QemuLink(ours);
  const turn = () => new Promise<void>((next) => setImmediate(next));
  return { link, ours, qemus, turn };
}

test("frames that come in pieces, or several at a time", async () => {
  const { link, qemus, turn } = joined();
  let ready = 0;
  link.onReady = () => ready++;
  for (const octet of message(1, 2, 3)) {
    qemus.write(Buffer.of(octet));
    await turn();
  }
  expect(ready).toBe(1);
  expect([...(link.receive() ?? [])]).toEqual([1, 2, 3]);
  expect(link.receive()).toBeUndefined();
  qemus.write(Buffer.concat([message(4), message(5, 6), message(7).subarray(0, 4)]));
  await turn();
  expect([link.receive(), link.receive(), link.receive()].map((frame) => frame && [...frame])).toEqual([
    [4],
    [5, 6],
    undefined,
  ]);
  qemus.write(Buffer.of(7));
  await turn();
  expect([...(link.receive() ?? [])]).toEqual([7]);
});

test("a frame is sent behind its length", async () => {
  const { link, qemus, turn } = joined();
  const frame = Uint8Array.of(9, 8, 7);
  link.send(frame);
  frame.fill(0);
  await turn();
  expect([...(qemus.read() as Buffer)]).toEqual([...message(9, 8, 7)]);
});

test("an empty frame is not sent: QEMU would take no other any more", async () => {
  const { link, qemus, turn } = joined();
  link.send(new Uint8Array(0));
  await turn();
  expect(qemus.read()).toBeNull();
  expect(link.lost).toBe(1);
});

test("a flood waits in QEMU, and arrives whole and in order", async () => {
  const { link, ours, qemus, turn } = joined();
  const count = 5000;
  const flood = Buffer.concat(Array.from({ length: count }, (_, index) => message(index >> 8, index & 255)));
  qemus.write(flood);
  for (let turns = 0; turns < 20; turns++) await turn();
  expect(ours.isPaused()).toBe(true);
  const arrived: number[] = [];
  for (let turns = 0; turns < 100 && arrived.length < count; turns++) {
    for (let frame = link.receive(); frame; frame = link.receive())
      arrived.push(((frame[0] as number) << 8) | (frame[1] as number));
    await turn();
  }
  expect(arrived).toEqual(Array.from({ length: count }, (_, index) => index));
});

test("no room while QEMU does not read, and a call when it does", async () => {
  const { link, qemus, turn } = joined();
  let ready = 0;
  link.onReady = () => ready++;
  let sent = 0;
  for (; link.hasRoom && sent < 1000; sent++) link.send(new Uint8Array(1514));
  expect(sent).toBeLessThan(1000);
  for (let turns = 0; turns < 1000 && ready === 0; turns++) {
    qemus.read();
    await turn();
  }
  expect([ready > 0, link.hasRoom]).toEqual([true, true]);
});

test("a wire with a speed lets a burst through, and then as much as time allows", async () => {
  const clock = new VirtualClock();
  const [ours, qemus] = duplexPair();
  qemus.resume();
  const link = new QemuLink(ours, { octetsPerMs: 100, burst: 3000, clock });
  let sent = 0;
  link.onReady = () => {
    // A frame of 976 takes 1000 octets of the wire.
    for (; link.hasRoom; sent++) link.send(new Uint8Array(976));
  };
  link.onReady();
  expect(sent).toBe(3);
  clock.advance(100);
  // The burst, what the time allowed, and one that took more than was left.
  expect(sent).toBeGreaterThanOrEqual(3 + 10);
  expect(sent).toBeLessThanOrEqual(3 + 10 + 1);
  await new Promise<void>((next) => setImmediate(next));
});

test("a length that cannot be ends the link; frames to it are lost", async () => {
  const { link, ours, qemus, turn } = joined();
  qemus.write(Buffer.of(0, 1, 0, 1, 0));
  await turn();
  expect([link.receive(), ours.destroyed]).toEqual([undefined, true]);
  link.send(new Uint8Array(60));
  expect(link.lost).toBe(1);
});
