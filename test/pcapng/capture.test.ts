// Captures of links: every frame, its direction and time, and why frames were dropped.

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import { realClock } from "../../host/clock.js";
import { createCore } from "../../host/core.js";
import { DROPS } from "../../host/counters.js";
import { Host } from "../../host/host.js";
import { captureLink, captureWriter, openCapture } from "../../host/link/capture.js";
import { Wire } from "../../host/link/wire.js";
import { encode, IcmpType } from "../../host/packet/index.js";
import { BlockType, Direction } from "../../host/pcapng/format.js";
import { type PacketBlock, PcapngReader, sourceOf } from "../../host/pcapng/reader.js";
import type { Sink } from "../../host/pcapng/writer.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { LEFT, RIGHT, wasm } from "../host/support.js";

const folder = mkdtempSync(join(tmpdir(), "ferrule-capture-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = { ...RIGHT, connections: 2, seed: new Uint8Array(32) };

function packetsOf(file: Uint8Array): PacketBlock[] {
  const reader = new PcapngReader(sourceOf(file));
  const packets: PacketBlock[] = [];
  for (let block = reader.next(); block; block = reader.next()) {
    if (block.type !== BlockType.PACKET) continue;
    const packet = reader.packet(block);
    packets.push({ ...packet, frame: packet.frame.slice() });
  }
  expect(reader.interfaces.map(({ name }) => name)).toEqual(["device"]);
  return packets;
}

/** A host whose link is captured, and the other end of its wire. */
function captured(sink?: Sink, onError: (error: Error) => void = () => {}) {
  const clock = new VirtualClock(1000);
  const wire = new Wire();
  const peer = wire.port();
  const parts: Buffer[] = [];
  const writer = captureWriter(sink ?? ((bytes) => void parts.push(Buffer.from(bytes))), clock, { onError });
  const core = createCore(wasm, CONFIG, { now: clock.now() });
  const link = captureLink(wire.port(), { writer, name: "device", description: "10.0.0.2", clock, core });
  const host = new Host(core, link, clock);
  const packets = () => {
    link.flush();
    writer.close();
    return packetsOf(Buffer.concat(parts));
  };
  return { clock, peer, host, packets };
}

function echoRequest(sequence: number): Uint8Array {
  return encode({
    link: { source: LEFT.mac, destination: RIGHT.mac },
    ipv4: { source: LEFT.address, destination: RIGHT.address },
    icmp: { type: IcmpType.ECHO_REQUEST, sequence },
  });
}

test("frames in both directions, with their times, and the counter of each that is dropped", () => {
  const { clock, peer, host, packets } = captured();
  const wrong = echoRequest(2);
  wrong[24] = (wrong[24] as number) ^ 1;
  const alien = echoRequest(3);
  alien[5] = 9;
  for (const frame of [echoRequest(1), wrong, alien, echoRequest(4)]) {
    peer.send(frame);
    clock.advance(10);
  }
  host.close();
  const seen = packets();
  const summary = seen.map(({ direction, timeNs, comments }) => [direction, Number(timeNs), comments.join()]);
  const { INBOUND, OUTBOUND } = Direction;
  expect(summary.filter(([direction]) => direction === INBOUND)).toEqual([
    [INBOUND, 1_000_000_000, ""],
    [INBOUND, 1_010_000_000, "dropped: IP_CHECKSUM"],
    [INBOUND, 1_020_000_000, "dropped: LINK_NOT_OURS"],
    [INBOUND, 1_030_000_000, ""],
  ]);
  expect(summary.filter(([direction]) => direction === OUTBOUND)).toEqual([
    [OUTBOUND, 1_000_000_000, ""],
    [OUTBOUND, 1_030_000_000, ""],
  ]);
  expect(seen[1]?.direction).toBe(OUTBOUND);
  expect(seen.find(({ comments }) => comments.length > 0)?.frame).toEqual(wrong);
});

test("the peer gets the same frames after the file of the capture failed, and one message tells of that", () => {
  const received = (sink?: Sink) => {
    const messages: string[] = [];
    const { clock, peer, host } = captured(sink, ({ message }) => messages.push(message));
    const frames: string[] = [];
    // Enough for several batches.
    for (let sequence = 0; sequence < 2000; sequence++) {
      peer.send(echoRequest(sequence));
      // Slowly enough for the core's limit on stateless replies.
      clock.advance(20);
      for (let frame = peer.receive(); frame; frame = peer.receive())
        frames.push(Buffer.from(frame).toString("hex"));
    }
    host.close();
    return { frames, messages };
  };
  const whole = received();
  expect(whole.frames.length).toBe(2000);
  const full = received(() => {
    throw new Error("no space left on device");
  });
  expect(full.messages).toEqual(["no space left on device"]);
  expect(full.frames).toEqual(whole.frames);
});

test("a file with real time has Unix time, is whole after close, and only its owner may read it", () => {
  const path = join(folder, "real.pcapng");
  const wire = new Wire();
  const peer = wire.port();
  const file = openCapture(path, realClock, (error) => {
    throw error;
  });
  const link = file.capture(wire.port(), { name: "device" });
  const from = Date.now();
  peer.send(echoRequest(1));
  expect(link.receive()).toEqual(echoRequest(1));
  link.send(echoRequest(2));
  file.close();
  const until = Date.now();
  const packets = packetsOf(readFileSync(path));
  expect(packets.map(({ direction }) => direction)).toEqual([Direction.INBOUND, Direction.OUTBOUND]);
  for (const { timeNs } of packets) {
    // The two clocks may be set apart by a correction of the system's time.
    expect(Number(timeNs / 1_000_000n)).toBeGreaterThan(from - 60_000);
    expect(Number(timeNs / 1_000_000n)).toBeLessThan(until + 60_000);
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(() => openCapture(join(folder, "no/such/folder"), realClock, () => {})).toThrow(
    /cannot write to .*no such file or directory \(ENOENT\)/,
  );
});

test("ordinary traffic is no drop", () => {
  expect(DROPS).toContain(Counter.IP_CHECKSUM);
  expect(DROPS).not.toContain(Counter.FRAMES_IN);
  expect(DROPS.length).toBe(Counter.COUNT - 36);
});
