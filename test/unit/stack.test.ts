// Frames through the whole stack are what test/script is about; here are boot, the switches, and the deadline.

import { beforeEach, describe, expect, test } from "vitest";
import { ConfigLayout, Counter, DEADLINE_NEVER, STATE_BASE, Status } from "../../host/abi.js";
import { decode } from "../../host/packet/index.js";
import { address, DEVICE, frameOf, PEER, segmentFrame, UnitCore } from "./core.js";

let core: UnitCore;
let stack: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions(
    "stack",
    "bytesNeeded",
    "init",
    "input",
    "output",
    "tick",
    "deadline",
    "linkChanged",
    "setAddress",
  );

beforeEach(() => {
  core = new UnitCore();
  stack = functionsOf(core);
});

/** A datagram without data or checksum, from port 9 to port 9. */
const UDP = Uint8Array.of(0, 9, 0, 9, 0, 8, 0, 0);
const ADDRESSES = { source: PEER.address, destination: DEVICE.address };
const input = (frame: Uint8Array, now = 0) => stack.input(core.putFrame(frame), 0, now);

describe("init", () => {
  test("with a byte too little there is no memory, with just enough there is", () => {
    const unit = new UnitCore(null);
    const { init, bytesNeeded } = functionsOf(unit);
    const bytes = bytesNeeded(unit.writeConfig({}));
    expect(init(unit.writeConfig({}), bytes - 1, 0)).toBe(Status.NO_MEMORY);
    expect(unit.header.magic).not.toBe(0x4c525246);
    expect(init(unit.writeConfig({}), bytes, 0)).toBe(Status.OK);
    expect(unit.header.magic).toBe(0x4c525246);
  });

  test("writes nothing outside the state region", () => {
    const unit = new UnitCore(null);
    const { init, bytesNeeded } = functionsOf(unit);
    const bytes = bytesNeeded(unit.writeConfig({}));
    unit.memory.fill(0xee, bytes);
    const below = unit.memory.slice(0, STATE_BASE);
    init(unit.writeConfig({}), bytes, 0);
    expect(unit.memory.subarray(bytes).every((octet) => octet === 0xee)).toBe(true);
    expect(unit.memory.slice(0, STATE_BASE)).toEqual(below);
  });

  test("gives the same state whatever stood in memory, and wherever the record lay", () => {
    const clean = new UnitCore({}, 5).memory.slice(STATE_BASE);
    for (const offset of [0, 4, 16, 64, 200, 4000, 60000]) {
      const unit = new UnitCore(null);
      const { init, bytesNeeded } = functionsOf(unit);
      const record = unit.memory.slice(unit.writeConfig({}), STATE_BASE + ConfigLayout.size);
      unit.memory.fill(0xee, STATE_BASE);
      unit.memory.set(record, STATE_BASE + offset);
      const bytes = bytesNeeded(STATE_BASE + offset);
      expect(init(STATE_BASE + offset, bytes, 5)).toBe(Status.OK);
      expect(unit.memory.slice(STATE_BASE, bytes), `record at ${offset}`).toEqual(
        clean.slice(0, bytes - STATE_BASE),
      );
    }
  });

  test("says why not", () => {
    expect(stack.bytesNeeded(core.writeConfig({ mtu: 1501 }))).toBe(Status.BAD_CONFIG);
    expect(stack.init(core.writeConfig({ interfaces: 2 }), 65536, 0)).toBe(Status.NOT_SUPPORTED);
  });
});

describe("a clock that is about to wrap", () => {
  test.each([0, 2 ** 32 - 1, 2 ** 32 - 500, 2 ** 32 - 1000])(
    "at %i: as many replies at once as ever",
    (now) => {
      const unit = new UnitCore({}, now);
      const { input, output } = functionsOf(unit);
      let replies = 0;
      for (let count = 0; count < 100; count++) {
        input(unit.putFrame(frameOf({ ipv4: { ...ADDRESSES, protocol: 99 }, payload: UDP })), 0, now);
        if (output(now)) replies++;
      }
      expect(replies).toBe(51);
    },
  );
});

describe("input", () => {
  test("goes by EtherType and protocol", () => {
    for (const [frame, counter] of [
      [frameOf({ ipv4: { ...ADDRESSES, protocol: 99 }, payload: new Uint8Array(8) }), "IP_UNKNOWN_PROTOCOL"],
      [frameOf({ ipv4: { ...ADDRESSES, protocol: 17 }, payload: UDP }), "UDP_NO_SOCKET"],
      [frameOf({ ipv4: ADDRESSES, icmp: { type: 0 } }), "ICMP_IGNORED"],
      [segmentFrame({ flags: "R" }), "TCP_NO_CONNECTION"],
    ] as const) {
      const before = core.counter(Counter[counter]);
      input(frame);
      expect(core.counter(Counter[counter]), counter).toBe(before + 1);
    }
  });

  test("an unknown EtherType is counted", () => {
    const frame = frameOf({ payload: new Uint8Array(46) });
    frame[12] = 0x86;
    frame[13] = 0xdd;
    input(frame);
    expect(core.counters()).toEqual({ FRAMES_IN: 1, LINK_UNKNOWN_TYPE: 1 });
  });

  test("a frame of every length up to its own does nothing but count", () => {
    const frame = segmentFrame({ flags: "S" });
    for (let length = 0; length < 14 + 40; length++) {
      core.putFrame(frame);
      stack.input(length, 0, 0);
      expect(stack.output(0)).toBe(0);
    }
    const { FRAMES_IN, LINK_TOO_SHORT, IP_MALFORMED } = core.counters();
    expect([FRAMES_IN, LINK_TOO_SHORT, IP_MALFORMED]).toEqual([54, 14, 40]);
  });
});

describe("output", () => {
  test.each([
    [17, 3, "UDP_NO_SOCKET"],
    [99, 2, "IP_UNKNOWN_PROTOCOL"],
  ])("protocol %i for nobody here is told so: unreachable, code %i", (protocol, code, counter) => {
    input(frameOf({ ipv4: { ...ADDRESSES, protocol }, payload: UDP }));
    const packet = decode(core.outputFrame(stack.output(0)));
    expect(packet.kind === "icmp" && packet.icmp).toMatchObject({ type: 3, code });
    expect(core.counters()).toMatchObject({ [counter]: 1, ICMP_UNREACHABLE: 1 });
  });

  test("gives a reply once, and the frames after it", () => {
    input(frameOf({ ipv4: ADDRESSES, icmp: { type: 8 } }));
    expect(stack.deadline(0)).toBe(0);
    const packet = decode(core.outputFrame(stack.output(0)));
    expect(packet.kind).toBe("icmp");
    expect(stack.output(0)).toBe(0);
    expect(core.counters()).toMatchObject({ FRAMES_IN: 1, FRAMES_OUT: 1, ICMP_ECHO: 1 });
  });

  test("a second frame drops the first one's reply", () => {
    input(frameOf({ ipv4: ADDRESSES, icmp: { type: 8 } }));
    input(segmentFrame({ flags: "S" }));
    expect(decode(core.outputFrame(stack.output(0))).kind).toBe("tcp");
    expect(core.counters().REPLY_DROPPED).toBe(1);
  });
});

describe("linkChanged", () => {
  const arp = () => {
    const packet = decode(core.outputFrame(stack.output(core.state.hostNow)));
    return packet.kind === "arp" ? packet.arp : undefined;
  };

  test("up: neighbours are forgotten, our address is announced twice, two seconds apart (RFC 5227)", () => {
    const { resolve } = core.functions("net/arp", "resolve");
    input(
      frameOf({
        arp: { operation: 2, senderMac: PEER.mac, senderIp: PEER.address, targetIp: DEVICE.address },
      }),
    );
    const peer = address(PEER.address);
    expect(resolve(peer)).not.toBe(0);
    stack.linkChanged(1, 100);
    expect(stack.deadline(100)).toBe(0);
    expect(arp()).toMatchObject({ operation: 1, senderIp: DEVICE.address, targetIp: DEVICE.address });
    expect([stack.output(100), stack.deadline(100)]).toEqual([0, 2000]);
    stack.tick(2100);
    expect(arp()).toMatchObject({ senderIp: DEVICE.address, targetIp: DEVICE.address });
    expect([stack.output(2100), core.counters().ARP_ANNOUNCEMENTS]).toEqual([0, 2]);
    expect(resolve(peer)).toBe(0);
  });

  test("down: neighbours are forgotten, and nothing is sent", () => {
    core.functions("net/arp", "announce").announce(2);
    stack.linkChanged(0, 0);
    expect([stack.output(0), core.counters().ARP_ANNOUNCEMENTS]).toEqual([0, undefined]);
  });
});

describe("deadline and tick", () => {
  test("never, when nothing is due", () => {
    expect(stack.deadline(0)).toBe(DEADLINE_NEVER);
    expect(stack.deadline(2 ** 31)).toBe(DEADLINE_NEVER);
  });

  test("the next timer, less what has passed; at most what a timer can be", () => {
    const { wakeAt } = core.functions("lib/clock", "wakeAt");
    wakeAt(500);
    expect(stack.deadline(0)).toBe(500);
    expect(stack.deadline(499)).toBe(1);
  });

  test("a timer that finds nothing to do is not armed again", () => {
    core.functions("lib/clock", "wakeAt").wakeAt(500);
    stack.tick(500);
    expect(core.state.timersArmed).toBe(0);
    // ARP was asked whether it has something due; `output` finds that it has not.
    expect(stack.output(500)).toBe(0);
    expect(stack.deadline(500)).toBe(DEADLINE_NEVER);
  });
});

describe("setAddress", () => {
  /** Puts an InterfaceAddress into the exchange area and sets it. */
  function set(ours: string, prefixBits: number, router: string, { family = 1, index = 0 } = {}): number {
    const at = core.header.exchange;
    core.memory.fill(0, at, at + 40);
    core.view.setUint16(at, family, true);
    core.view.setUint16(at + 2, prefixBits, true);
    core.view.setUint32(at + 4, index, true);
    core.view.setUint32(at + 8, address(ours), true);
    core.view.setUint32(at + 24, address(router), true);
    return stack.setAddress(at, 0);
  }

  test.each([
    [0, "255.255.255.255"],
    [8, "192.255.255.255"],
    [20, "192.0.15.255"],
    [30, "192.0.2.3"],
    [31, "255.255.255.255"],
    [32, "255.255.255.255"],
  ])("a prefix of %i bits: broadcasts go to %s", (bits, broadcast) => {
    expect(set("192.0.2.1", bits, "0.0.0.0")).toBe(Status.OK);
    expect(core.state.broadcast).toBe(address(broadcast));
  });

  test("what cannot be is refused, and changes nothing", () => {
    const before = core.memory.slice(STATE_BASE, core.header.exchange);
    expect(set("192.0.2.1", 33, "0.0.0.0")).toBe(Status.INVALID_ARGUMENT);
    expect(set("192.0.2.1", 24, "192.0.2.1")).toBe(Status.INVALID_ARGUMENT);
    expect(set("192.0.2.1", 24, "0.0.0.0", { index: 1 })).toBe(Status.INVALID_ARGUMENT);
    expect(set("192.0.2.1", 24, "0.0.0.0", { family: 2 })).toBe(Status.NOT_SUPPORTED);
    expect(core.memory.slice(STATE_BASE, core.header.exchange)).toEqual(before);
  });

  test("the new address answers and is announced, the old one does not answer any more", () => {
    expect(set("192.0.2.1", 24, "192.0.2.254")).toBe(Status.OK);
    const announced = decode(core.outputFrame(stack.output(0)));
    expect(announced).toMatchObject({ arp: { senderIp: "192.0.2.1", targetIp: "192.0.2.1" } });
    input(segmentFrame({ flags: "S", seq: 1 }));
    expect(core.counters()).toMatchObject({ IP_NOT_OURS: 1 });
    expect(set("0.0.0.0", 0, "0.0.0.0")).toBe(Status.OK);
    expect(stack.output(0)).toBe(0);
  });
});
