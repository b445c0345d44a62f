import { beforeEach, describe, expect, test } from "vitest";
import { Event, SocketKind, STATE_BASE, TcpState } from "../../../host/abi.js";
import { UnitCore } from "../core.js";

let core: UnitCore;
let tcb: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  const ofSockets = unit.functions("net/socket", "become", "isHeld", "retireHandle", "raise");
  const ofRecords = unit.functions(
    "tcp/tcb",
    "connectionAt",
    "isSynchronised",
    "peerMaySend",
    "setState",
    "initConnections",
    "allocate",
    "release",
    "set",
    "clear",
    "has",
    "sendFree",
    "sendRing",
    "receiveRing",
  );
  return { ...ofSockets, ...ofRecords };
}

const CONFIG = { connections: 5, listeners: 2, sendRingBytes: 512, receiveRingBytes: 1024 };

beforeEach(() => {
  core = new UnitCore(CONFIG);
  tcb = functionsOf(core);
});

/** A record for each connection there is. */
const all = () => Array.from({ length: CONFIG.connections }, (_, index) => tcb.connectionAt(index));

describe("setState", () => {
  // Figure 5 of RFC 9293 (section 3.3.2), and the ways out of every state into CLOSED: reset, time-out, ABORT, and
  // for LISTEN, CLOSE. SYN-RECEIVED begins from CLOSED here: the record is a new one, LISTEN is the listener's.
  const S = TcpState;
  const legal: [number, number[]][] = [
    [S.CLOSED, [S.CLOSED, S.LISTEN, S.SYN_SENT, S.SYN_RECEIVED]],
    [S.LISTEN, [S.CLOSED]],
    [S.SYN_SENT, [S.CLOSED, S.SYN_RECEIVED, S.ESTABLISHED]],
    // A FIN with the ACK of our SYN, and a close in SYN-RECEIVED, go through ESTABLISHED.
    [S.SYN_RECEIVED, [S.CLOSED, S.ESTABLISHED]],
    [S.ESTABLISHED, [S.CLOSED, S.FIN_WAIT_1, S.CLOSE_WAIT]],
    [S.FIN_WAIT_1, [S.CLOSED, S.FIN_WAIT_2, S.CLOSING]],
    [S.FIN_WAIT_2, [S.CLOSED, S.TIME_WAIT]],
    [S.CLOSE_WAIT, [S.CLOSED, S.LAST_ACK]],
    [S.CLOSING, [S.CLOSED, S.TIME_WAIT]],
    [S.LAST_ACK, [S.CLOSED]],
    [S.TIME_WAIT, [S.CLOSED]],
  ];

  test.each(legal)("from %i: the legal ones are done, all others trap", (from, successors) => {
    const at = tcb.allocate();
    const t = core.tcb(at);
    for (let next = 0; next <= 15; next++) {
      t.state = from;
      if (successors.includes(next)) {
        tcb.setState(at, next);
        expect(t.state).toBe(next);
      } else {
        expect(() => tcb.setState(at, next), `${from} -> ${next}`).toThrow(/unreachable/);
        expect(t.state).toBe(from);
      }
    }
  });

  test("isSynchronised and peerMaySend for every state", () => {
    const at = tcb.allocate();
    const sets = (call: (at: number) => unknown) =>
      legal
        .map(([state]) => state)
        .filter((state) => {
          core.tcb(at).state = state;
          return call(at);
        });
    expect(sets(tcb.isSynchronised)).toEqual([
      ...[S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSE_WAIT, S.CLOSING, S.LAST_ACK, S.TIME_WAIT],
    ]);
    expect(sets(tcb.peerMaySend)).toEqual([S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2]);
  });
});

describe("records", () => {
  test("each has its rings, apart from all others, behind all records", () => {
    const rings = all().map((at) => tcb.sendRing(at));
    expect(core.state.ringsBytes).toBe(1536);
    expect(rings).toEqual(rings.map((_, index) => (rings[0] as number) + index * 1536));
    const [first] = all();
    expect(tcb.receiveRing(first as number)).toBe((rings[0] as number) + 512);
    expect((rings[4] as number) + 1536).toBe(STATE_BASE + core.header.stateBytes);
  });

  test("initConnections makes a chain of all of them", () => {
    core.state.freeConnection = 0;
    tcb.initConnections();
    const taken = new Set(Array.from({ length: CONFIG.connections }, () => tcb.allocate()));
    expect([...taken].sort((a, b) => a - b)).toEqual(all());
    expect(tcb.allocate()).toBe(0);
  });

  test("allocate gives each once, then none; release gives it back", () => {
    const taken = all().map(() => tcb.allocate());
    expect(new Set(taken)).toEqual(new Set(all()));
    expect(core.header.connectionsUsed).toBe(5);
    expect(tcb.allocate()).toBe(0);
    core.state.scanDue = 0;
    tcb.release(taken[2] as number);
    // A finished handshake may wait for it.
    expect(core.state.scanDue).toBe(1);
    expect(core.header.connectionsUsed).toBe(4);
    expect(tcb.allocate()).toBe(taken[2]);
  });

  test("a used record comes back with nothing of its last life but handle, rings and lists", () => {
    const at = tcb.allocate();
    const t = core.tcb(at);
    const { handle } = t;
    // From the field after the lists on.
    const end = at + core.sizeOf("tcp/tcb", "Tcb");
    core.memory.fill(0xcc, at + 28, end);
    expect(t.listener).toBe(0xcccccccc);
    t.ports = 0x12345678;
    t.state = TcpState.CLOSED;
    tcb.release(at);
    expect(tcb.allocate()).toBe(at);
    for (const name of [
      "listener",
      "error",
      "ports",
      "bits",
      "sndUna",
      "sndMax",
      "rtoMs",
      "sendHead",
    ] as const)
      expect(t[name], name).toBe(0);
    for (const name of [
      "backoff",
      "retries",
      "ranges",
      "acksOwed",
      "unacked",
      "receiveHead",
      "rcvFin",
    ] as const)
      expect(t[name], name).toBe(0);
    for (const name of ["tsRecent", "keepaliveMs", "challengeDebt", "rcvUp", "sndUp", "tos"] as const)
      expect(t[name], name).toBe(0);
    expect(core.memory.subarray(at + 28, end).every((octet) => octet === 0)).toBe(true);
    expect([t.handle, t.kind]).toEqual([handle, core.kind("CONNECTION")]);
    // Its rings are where they were: the number in the handle says so, whatever the uses.
    const ring = tcb.sendRing(at);
    tcb.retireHandle(at);
    expect(tcb.sendRing(at)).toBe(ring);
  });

  test("events of the last use are nobody's: gone with the next", () => {
    const at = tcb.allocate();
    tcb.raise(at, Event.READABLE);
    tcb.release(at);
    expect(tcb.isHeld(at)).toBe(0);
    expect(core.functions("tcp/user", "nextEvent").nextEvent()).toBe(0);
    tcb.raise(at, Event.READABLE);
    tcb.release(tcb.allocate());
    expect(core.tcb(at).events).toBe(0);
  });

  test("sendFree is what the send ring has left", () => {
    const at = tcb.allocate();
    expect(tcb.sendFree(at)).toBe(512);
    core.tcb(at).sendBytes = 512;
    expect(tcb.sendFree(at)).toBe(0);
  });
});

test("set, clear and has", () => {
  const at = tcb.allocate();
  tcb.set(at, 0b1010);
  tcb.set(at, 0b0010);
  expect(core.tcb(at).bits).toBe(0b1010);
  expect(tcb.has(at, 0b1100)).toBe(true);
  expect(tcb.has(at, 0b0101)).toBe(false);
  tcb.clear(at, 0b0110);
  expect(core.tcb(at).bits).toBe(0b1000);
});

test("bits are one each, and the sets are made of them", () => {
  const names = ["FIN_QUEUED", "FIN_KNOWN", "RTT_TIMING", "WANT_WRITE", "NO_DELAY", "RESETS", "RECOVERING"];
  names.push("RECOVER", "ARP_WAIT", "OWES_ACK", "OWES_PROBE", "OWES_REPAIR", "OWES_RESET");
  names.push("TIMES_RETRANSMIT", "TIMES_ACK");
  const options = ["TIMESTAMPS", "SACK", "SCALE"].map((name) => core.agreed(name));
  const bits = [...names.map((name) => core.bit(name)), ...options];
  for (const bit of bits) expect([bit === 0, bit & (bit - 1)]).toEqual([false, 0]);
  expect(new Set(bits).size).toBe(bits.length);
  expect(core.agreed("ALL")).toBe(options.reduce((sum, bit) => sum | bit, 0));
  // A SYN entry keeps them in an octet, below the number of repeats (at most 31).
  const repeated = core.constant("tcp/tcb", "SYN_REPEATED");
  expect(core.agreed("ALL")).toBeLessThan(repeated);
  expect(repeated).toBe(1 << core.constant("tcp/tcb", "SYN_RETRIES"));
  expect(31 * repeated + core.agreed("ALL")).toBeLessThanOrEqual(0xff);
  const union = (...of: string[]) => of.reduce((sum, name) => sum | core.bit(name), 0);
  const activity = ["ARP_WAIT", "OWES_ACK", "OWES_PROBE", "OWES_REPAIR", "OWES_RESET"];
  activity.push("TIMES_RETRANSMIT", "TIMES_ACK");
  expect(core.bit("ACTIVITY")).toBe(union(...activity));
});

describe("handles", () => {
  test("a handle goes stale with its use", () => {
    const { open, socketOf, end } = core.functions("tcp/user", "open", "socketOf", "end");
    const seen = new Set<number>();
    for (let use = 0; use < 1000; use++) {
      const handle = open(SocketKind.STREAM);
      expect(handle).toBeGreaterThan(0);
      expect(seen.has(handle)).toBe(false);
      seen.add(handle);
      const at = socketOf(handle);
      expect(at).not.toBe(0);
      end(at, false);
      expect(socketOf(handle)).toBe(0);
    }
  });
});

test("entries of the SYN cache and of TIME-WAIT take 32 octets, and their keys stand as a socket's", () => {
  expect(core.sizeOf("tcp/tcb", "Compact")).toBe(32);
  const entry = core.compact(60000);
  Object.assign(entry, { remoteAddress: 1, ports: 2, chain: 3, kind: 8 });
  const { remoteAddress, ports, chain, kind } = core.tcb(60000);
  expect([remoteAddress, ports, chain, kind]).toEqual([1, 2, 3, 8]);
  // The MSS of any Ethernet, "shut" and a shift of at most 14 share the window's 16 bits.
  const [mask, shut, scale] = ["SYN_MSS_MASK", "SYN_SHUT", "SYN_SCALE"].map((name) =>
    core.constant("tcp/tcb", name),
  ) as [number, number, number];
  expect([mask >= 1460, mask & shut, (mask | shut) >> scale, (14 << scale) | mask | shut]).toEqual([
    ...[true, 0, 0, 0xefff],
  ]);
});
