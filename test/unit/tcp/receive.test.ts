// Delayed and duplicate ACKs as the peer sees them are in test/script: data, reassembly and window.

import { describe, expect, test } from "vitest";
import { Event, TcpState } from "../../../host/abi.js";
import { Prng } from "../../../host/sim/prng.js";
import type { UnitCore } from "../core.js";
import { arrive, bitsOf, established, inState, RCV_NXT, ringsOf } from "./stage.js";

function functionsOf(unit: UnitCore) {
  return unit.functions(
    "tcp/receive",
    "openWindow",
    "windowField",
    "urgent",
    "afterRead",
    "text",
    "inOrder",
    "fin",
    "owe",
    "oweDuplicate",
    "oweLater",
  );
}

/** What a segment that leaves now announces. */
function announce(core: UnitCore, at: number): number {
  const { openWindow, windowField } = functionsOf(core);
  openWindow(at);
  return windowField(at);
}

/** A connection that announces nothing yet, with these rings and MSS. */
function closedWindow(receiveRingBytes: number, mss: number) {
  const placed = established({ receiveRingBytes });
  placed.t.rcvAdv = RCV_NXT;
  placed.t.rcvMss = mss;
  return { ...placed, receive: functionsOf(placed.core) };
}

describe("openWindow and windowField", () => {
  test.each([
    [4096, 1000, 4096],
    [65536, 1460, 65535],
    [2 ** 20, 1460, 65535],
  ])("a ring of %i octets opens a window of what it and 16 bits can hold", (ring, mss, wnd) => {
    const { core, at, t } = closedWindow(ring, mss);
    expect(announce(core, at)).toBe(wnd);
    expect(t.rcvAdv).toBe(RCV_NXT + wnd);
  });

  test.each([
    // RFC 7323 section 2.2: the edge is where the ring ends, the field tells it rounded down.
    [65536, 1, 65536, 32768],
    [2 ** 20, 5, 2 ** 20, 32768],
    [2 ** 20 + 4, 5, 2 ** 20 + 4, 32768],
    [2 ** 18 - 4, 2, 2 ** 18 - 4, 0xffff],
  ])("with window scaling a ring of %i octets (shift %i) opens %i: field %i", (ring, shift, wnd, field) => {
    const { core, at, t } = closedWindow(ring, 1460);
    t.bits |= core.agreed("SCALE");
    expect(core.state.receiveScale).toBe(shift);
    expect(announce(core, at)).toBe(field);
    expect(t.rcvAdv).toBe(RCV_NXT + wnd);
  });

  test.each([
    [4096, 1000, 1000],
    // Half of the ring, where that is less than a segment.
    [1024, 1000, 512],
  ])("with a ring of %i and an MSS of %i the edge moves by %i at least", (ring, mss, least) => {
    for (const [space, wnd] of [
      [0, 0],
      [1, 0],
      [least - 1, 0],
      [least, least],
      [least + 1, least + 1],
    ] as const) {
      const { core, at, t } = closedWindow(ring, mss);
      t.receiveBytes = ring - space;
      expect(announce(core, at), `room for ${space}`).toBe(wnd);
    }
  });

  test("the right edge never moves back, whatever arrives and is read", () => {
    const prng = new Prng(1);
    const ring = 4096;
    const { core, at, t } = closedWindow(ring, 1000);
    let edge = t.rcvAdv;
    for (let round = 0; round < 5000; round++) {
      const arrived = prng.below(Math.min(((t.rcvAdv - t.rcvNxt) >>> 0) + 1, 1001));
      t.rcvNxt = (t.rcvNxt + arrived) >>> 0;
      t.receiveBytes += arrived;
      t.receiveBytes -= prng.below(t.receiveBytes + 1);
      const wnd = announce(core, at);
      expect(t.rcvAdv).toBe((t.rcvNxt + wnd) >>> 0);
      const moved = (t.rcvAdv - edge) >>> 0;
      expect(moved === 0 || moved >= 1000, `moved by ${moved}`).toBe(true);
      expect(wnd).toBeLessThanOrEqual(ring - t.receiveBytes);
      edge = t.rcvAdv;
    }
  });
});

describe("afterRead", () => {
  test.each([
    [1999, false],
    [2000, true],
  ])("room for %i octets more is worth an ACK: %s", (space, worth) => {
    const { core, at, t, receive } = closedWindow(8192, 1000);
    t.receiveBytes = 8192 - space;
    receive.afterRead(at);
    expect((t.bits & core.bit("OWES_ACK")) !== 0).toBe(worth);
    expect(core.state.readyHead).toBe(worth ? at : 0);
  });

  test("after the peer's FIN nobody needs to hear of room", () => {
    const { core, at, t, receive } = closedWindow(8192, 1000);
    t.state = TcpState.CLOSE_WAIT;
    receive.afterRead(at);
    expect(t.bits & core.bit("OWES_ACK")).toBe(0);
  });
});

describe("text", () => {
  test("in order: into the ring at its place, an event, and an ACK for every second segment", () => {
    const { core, at, t } = established();
    const receive = functionsOf(core);
    t.receiveHead = 4090;
    const data = new Prng(2).bytes(20);
    arrive(core, { payload: data.subarray(0, 10) });
    receive.text(at);
    expect([t.rcvNxt, t.receiveBytes, t.bytesReceived]).toEqual([RCV_NXT + 10, 10, 10]);
    expect(t.bits & core.bit("OWES_ACK")).toBe(0);
    expect(t.bits & core.bit("TIMES_ACK")).not.toBe(0);
    expect(t.delayedAckAt).toBe(40);
    expect(t.events).toBe(Event.READABLE);
    arrive(core, { seq: RCV_NXT + 10, payload: data.subarray(10) });
    receive.text(at);
    expect(t.bits & core.bit("OWES_ACK")).not.toBe(0);
    const ring = ringsOf({ core, at, t }).receive;
    const held = Array.from({ length: 20 }, (_, index) => core.memory[ring + ((4090 + index) % 4096)]);
    expect(held).toEqual(Array.from(data));
  });

  test("inOrder does the same with octets at RCV.NXT", () => {
    const states = (["text", "inOrder"] as const).map((name) => {
      const { core, at, t } = established();
      t.receiveHead = 4090;
      for (const seed of [1, 2]) {
        const payload = new Prng(seed).bytes(10);
        arrive(core, { seq: RCV_NXT + (seed - 1) * 10, payload });
        functionsOf(core)[name](at, core.segment.data, payload.length);
      }
      expect(t.rcvNxt).toBe(RCV_NXT + 20);
      return core.memory.slice(at);
    });
    expect(Buffer.compare(states[0] as Uint8Array, states[1] as Uint8Array)).toBe(0);
  });

  test("ahead of a hole: kept, a duplicate ACK each; the hole filled: all of it, at once", () => {
    const { core, at, t } = established();
    const receive = functionsOf(core);
    for (const offset of [10, 30, 20]) {
      arrive(core, { seq: RCV_NXT + offset, payload: new Uint8Array(10).fill(offset) });
      receive.text(at);
    }
    expect([t.rcvNxt, t.acksOwed, t.ranges, t.events]).toEqual([RCV_NXT, 3, 1, 0]);
    arrive(core, { payload: new Uint8Array(10).fill(1) });
    receive.text(at);
    expect([t.rcvNxt, t.receiveBytes, t.ranges]).toEqual([RCV_NXT + 40, 40, 0]);
    expect(t.bits & core.bit("OWES_ACK")).not.toBe(0);
    const ring = ringsOf({ core, at, t }).receive;
    const wanted = [1, 10, 20, 30].flatMap((octet) => new Array(10).fill(octet));
    expect(Array.from(core.memory.subarray(ring, ring + 40))).toEqual(wanted);
  });

  test("with no range left it is not kept, but answered", () => {
    const { core, at, t } = established({ reassemblyRanges: 0 });
    arrive(core, { seq: RCV_NXT + 10, payload: new Uint8Array(10).fill(7) });
    functionsOf(core).text(at);
    expect([t.ranges, t.acksOwed]).toEqual([0, 1]);
    expect(core.memory[ringsOf({ core, at, t }).receive + 10]).toBe(0);
    expect(core.counters()).toEqual({ TCP_RANGES_FULL: 1 });
  });

  test("for a closed socket it is a reset's cause", () => {
    const { core, at, t } = inState(TcpState.FIN_WAIT_2);
    t.kind = core.kind("DETACHED");
    arrive(core, { payload: Uint8Array.of(1) });
    functionsOf(core).text(at);
    expect(t.bits & core.bit("OWES_RESET")).not.toBe(0);
    expect(core.counters()).toEqual({ TCP_DATA_AFTER_CLOSE: 1 });
  });

  test("but what was written before is delivered first", () => {
    const { core, at, t } = inState(TcpState.FIN_WAIT_1);
    t.kind = core.kind("DETACHED");
    t.sendBytes = 1;
    arrive(core, { payload: Uint8Array.of(1) });
    functionsOf(core).text(at);
    expect(t.bits).toBe(bitsOf(core, "RESETS"));
    expect(t.rcvNxt).toBe(RCV_NXT);
  });
});

describe("fin", () => {
  test.each([
    [TcpState.ESTABLISHED, TcpState.CLOSE_WAIT],
    [TcpState.FIN_WAIT_1, TcpState.CLOSING],
  ])("in order in state %i: state %i", (from, to) => {
    const { core, at, t } = inState(from);
    arrive(core, { flags: "FA" });
    functionsOf(core).fin(at);
    expect([t.state, t.rcvNxt, t.events]).toEqual([to, RCV_NXT + 1, Event.PEER_CLOSED | Event.READABLE]);
    expect(t.bits & core.bit("OWES_ACK")).not.toBe(0);
  });

  test("in FIN-WAIT-2: a TIME-WAIT entry, and its ACK is due", () => {
    const { core, at, t } = inState(TcpState.FIN_WAIT_2);
    arrive(core, { flags: "FA" });
    functionsOf(core).fin(at);
    expect(t.state).toBe(TcpState.CLOSED);
    expect(core.header.timeWaitUsed).toBe(1);
    expect([core.segment.outAck, core.segment.outFlags]).toEqual([RCV_NXT + 1, 16]);
  });

  test("ahead of a hole it is noted, and takes effect when it is reached", () => {
    const { core, at, t } = established();
    const receive = functionsOf(core);
    arrive(core, { seq: RCV_NXT + 10, payload: new Uint8Array(5), flags: "FA" });
    receive.text(at);
    receive.fin(at);
    expect([t.state, t.rcvNxt, t.rcvFin]).toEqual([TcpState.ESTABLISHED, RCV_NXT, RCV_NXT + 15]);
    arrive(core, { payload: new Uint8Array(10) });
    receive.text(at);
    receive.fin(at);
    expect([t.state, t.rcvNxt]).toEqual([TcpState.CLOSE_WAIT, RCV_NXT + 16]);
  });

  test("data behind it does not exist", () => {
    const { core, at, t } = established();
    const receive = functionsOf(core);
    arrive(core, { seq: RCV_NXT + 10, flags: "FA" });
    receive.fin(at);
    arrive(core, { payload: new Uint8Array(20) });
    receive.text(at);
    receive.fin(at);
    expect([t.rcvNxt, t.receiveBytes]).toEqual([RCV_NXT + 11, 10]);
  });

  test("into a window that is shut the edge goes with it", () => {
    const { core, at, t } = established();
    t.rcvAdv = RCV_NXT;
    arrive(core, { flags: "FA" });
    functionsOf(core).fin(at);
    expect([t.rcvNxt, t.rcvAdv]).toEqual([RCV_NXT + 1, RCV_NXT + 1]);
  });
});

test("oweLater is owed when the delayed-ACK timer says so", () => {
  const { core, at, t } = established();
  functionsOf(core).oweLater(at);
  expect([t.bits & core.bit("TIMES_ACK"), t.bits & core.bit("OWES_ACK")]).toEqual([core.bit("TIMES_ACK"), 0]);
  expect(t.delayedAckAt).toBe(core.state.now + 40);
});

test("owe is owed once, oweDuplicate as often as it is due, up to 255", () => {
  const { core, at, t } = established();
  const { owe, oweDuplicate } = functionsOf(core);
  owe(at);
  owe(at);
  expect(core.state.readyHead).toBe(at);
  expect([t.bits & core.bit("OWES_ACK"), t.acksOwed]).toEqual([core.bit("OWES_ACK"), 0]);
  for (let duplicate = 1; duplicate <= 300; duplicate++) {
    oweDuplicate(at);
    expect(t.acksOwed).toBe(Math.min(duplicate, 255));
  }
});

describe("urgent (RFC 9293 section 3.10.7.4, sixth; RFC 6093)", () => {
  const urgentAt = (start: number) => {
    const placed = established();
    placed.t.rcvUp = start;
    return { ...placed, ...functionsOf(placed.core) };
  };

  test.each([
    [RCV_NXT, "UA", 0, 10, RCV_NXT + 10, true],
    // Behind data that is still to come.
    [RCV_NXT, "UA", 100, 0xffff, RCV_NXT + 100 + 0xffff, true],
    [RCV_NXT, "A", 0, 10, RCV_NXT, false],
    [RCV_NXT, "UA", 0, 0, RCV_NXT, false],
    [RCV_NXT, "UA", -10, 5, RCV_NXT, false],
    [RCV_NXT + 20, "UA", 0, 20, RCV_NXT + 20, false],
    [RCV_NXT + 20, "UA", 0, 21, RCV_NXT + 21, true],
  ])(
    "RCV.UP %i, %s at %i from RCV.NXT, SEG.UP %i: RCV.UP %i, an event %s",
    (up, flags, offset, pointer, end, event) => {
      const { core, at, t, urgent } = urgentAt(up);
      arrive(core, { seq: RCV_NXT + offset, flags, urgent: pointer });
      urgent(at);
      expect([t.rcvUp, (t.events & Event.URGENT) !== 0]).toEqual([end, event]);
    },
  );

  test("across the end of the sequence space", () => {
    const { core, at, t, urgent } = urgentAt(0xfffffff0);
    arrive(core, { seq: 0xfffffff0, flags: "UA", urgent: 0x20 });
    urgent(at);
    expect([t.rcvUp, t.events]).toEqual([0x10, Event.URGENT]);
  });
});
