// The SYN cache. Handshakes as the peer sees them are in test/script/syncache.script.ts and listen.script.ts.

import { beforeEach, describe, expect, test } from "vitest";
import { SocketKind, TcpState } from "../../../host/abi.js";
import { decode, type Tcp, type TcpOption } from "../../../host/packet/index.js";
import { address, DEVICE, frameOf, PEER, ports, type UnitConfig, UnitCore } from "../core.js";
import { arrive } from "./stage.js";

const ISS = 5000;
const RTO_MS = 1000;
const GRACE_MS = 50;

let core: UnitCore;
let cache: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) => ({
  ...unit.functions("tcp/syncache", "add", "receive", "scan", "unreachable", "forget", "window", "remove"),
  ...unit.functions("lib/clock", "advanceClock"),
  ...unit.functions("tcp/demux", "find"),
  ...unit.functions("tcp/reset", "emitReply"),
});

beforeEach(() => boot());

/** A core with a listener on port 80, and with PEER's MAC known. */
function boot(config: UnitConfig = {}, backlog = 8, now = 0): void {
  core = new UnitCore({ synEntries: 4, connections: 4, synRetries: 3, ...config }, now);
  cache = functionsOf(core);
  const user = core.functions("tcp/user", "open", "bind", "socketOf", "startListening");
  const listener = user.socketOf(user.open(SocketKind.LISTENER));
  user.bind(listener, 80);
  user.startListening(listener, backlog);
}

const entryOf = (port: number) => cache.find(address(PEER.address), ports(port, 80));
const listener = () => core.listener(core.state.listenerTable);

const OPTIONS: readonly TcpOption[] = [
  { kind: "mss", mss: 1400 },
  { kind: "sackPermitted" },
  { kind: "timestamps", value: 777, echo: 0 },
  { kind: "windowScale", shift: 9 },
];

/** A SYN from this port; the entry that it made, or 0. */
function syn(port: number, options: readonly TcpOption[] = [], seq = ISS): number {
  core.state.replyKind = 0;
  arrive(core, { sourcePort: port, flags: "S", seq, ack: 0, options });
  cache.add(0);
  return entryOf(port);
}

/** The answer that waits, if any. */
function reply(): Tcp | undefined {
  if (core.state.replyKind !== core.constant("net/reply", "Reply.TCP")) return undefined;
  core.state.replyKind = 0;
  const packet = decode(core.outputFrame(cache.emitReply()));
  expect(packet.problems).toEqual([]);
  return packet.kind === "tcp" ? packet.tcp : expect.fail(packet.kind);
}

/** A segment for the entry of this port; returns the connection that it made, or 0. */
function receive(port: number, spec: Parameters<typeof arrive>[1]): number {
  const entry = entryOf(port);
  arrive(core, { sourcePort: port, seq: ISS + 1, ack: core.compact(entry).sndNxt, ...spec });
  core.state.replyKind = 0;
  return cache.receive(entry);
}

function counted(): Record<string, number> {
  const { TCP_SEGMENTS_OUT, TCP_RESETS_OUT, ...others } = core.counters();
  return others;
}

describe("add", () => {
  test("an entry of the cache and no record; the SYN-ACK goes straight back", () => {
    const at = syn(1);
    const { kind, rcvNxt, deadline, sndNxt, flags } = core.compact(at);
    expect([kind, rcvNxt, deadline, flags]).toEqual([core.kind("SYN"), ISS + 1, RTO_MS, 0]);
    expect([core.header.synUsed, core.header.connectionsUsed]).toEqual([1, 0]);
    expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, RTO_MS]);
    expect(reply()).toMatchObject({ seq: (sndNxt - 1) >>> 0, ack: ISS + 1, flags: 18, window: 2048 });
    const { initialSequence } = core.functions("tcp/isn", "initialSequence");
    expect(sndNxt).toBe((initialSequence(address(PEER.address), ports(1, 80)) + 1) >>> 0);
  });

  test("of the options those that the SYN carried, and that we offer", () => {
    const kinds = (tcp?: Tcp) => tcp?.options.map(({ kind }) => kind).filter((kind) => kind !== "nop");
    syn(1, OPTIONS);
    expect(kinds(reply())).toEqual(["mss", "sackPermitted", "timestamps", "windowScale"]);
    syn(2, OPTIONS.slice(0, 2));
    expect(kinds(reply())).toEqual(["mss", "sackPermitted"]);
    syn(3);
    expect(kinds(reply())).toEqual(["mss"]);
    boot({ flags: 2 });
    syn(1, OPTIONS);
    expect(kinds(reply())).toEqual(["mss", "sackPermitted", "windowScale"]);
  });

  test("the peer's sequence space may end between SYN and data", () => {
    expect(core.compact(syn(1, [], 0xffffffff)).rcvNxt).toBe(0);
    expect(reply()?.ack).toBe(0);
  });

  test.each([0, 1460, 2047, 2048, 9000, 0xffff])(
    "an MSS of %i stands beside the shift, and shuts nothing",
    (mss) => {
      const at = syn(1, [
        { kind: "mss", mss },
        { kind: "windowScale", shift: 14 },
      ]);
      expect([cache.window(at), reply()?.window]).toEqual([2048, 2048]);
      const t = core.tcb(receive(1, {}));
      // Half of the ring of 2048; RFC 9293 section 3.7.1 where there is none.
      expect([t.sndMss, t.sndScale]).toEqual([mss === 0 ? 536 : 1024, 14]);
    },
  );

  test.each([
    [5, 65536 + 5],
    [-2 * 65536, 0],
  ])("in the place of a TIME-WAIT whose numbers ended %i beyond ours: %i", (ended, wanted) => {
    const { initialSequence } = core.functions("tcp/isn", "initialSequence");
    const iss = initialSequence(address(PEER.address), ports(1, 80));
    const old = core.state.timeWaitTable;
    Object.assign(core.compact(old), { remoteAddress: address(PEER.address), ports: ports(1, 80) });
    core.compact(old).sndNxt = (iss + ended) >>> 0;
    core.functions("tcp/compact", "add").add(old, core.kind("TIME_WAIT"));
    arrive(core, { sourcePort: 1, flags: "S", seq: ISS, ack: 0 });
    cache.add(old);
    // RFC 1122 section 4.2.2.13: larger than what the old incarnation used.
    expect(reply()?.seq).toBe((iss + wanted) >>> 0);
    expect([core.compact(old).kind, core.compact(entryOf(1)).kind]).toEqual([0, core.kind("SYN")]);
  });

  test("more handshakes than free records: the window of those is zero", () => {
    boot({ connections: 2 });
    const windows = [1, 2, 3].map((port) => {
      const entry = syn(port);
      const wnd = reply()?.window;
      expect(cache.window(entry)).toBe(wnd);
      return wnd;
    });
    expect(windows).toEqual([2048, 2048, 0]);
  });

  test.each([
    [4096, 4096],
    [65532, 65532],
    // RFC 7323 section 2.2: a SYN's window is not scaled.
    [2 ** 20, 65535],
  ])("a ring of %i octets: window %i", (receiveRingBytes, wnd) => {
    boot({ receiveRingBytes });
    expect(cache.window(syn(1, OPTIONS))).toBe(wnd);
    expect(reply()?.window).toBe(wnd);
  });
});

describe("a full cache", () => {
  const fillUp = () => {
    for (const port of [1, 2, 3, 4]) {
      cache.advanceClock(port);
      syn(port);
    }
  };

  test("the oldest gives way, but not in its first 50 ms: its client's ACK may be on the way", () => {
    fillUp();
    cache.advanceClock(1 + GRACE_MS - 1);
    expect(syn(5)).toBe(0);
    expect([counted(), core.header.synUsed, core.state.replyKind]).toEqual([{ TCP_SYN_CACHE_FULL: 1 }, 4, 0]);
    cache.advanceClock(1 + GRACE_MS);
    expect(syn(5)).not.toBe(0);
    expect([1, 2, 3, 4, 5].filter((port) => entryOf(port) !== 0)).toEqual([2, 3, 4, 5]);
    expect(counted()).toEqual({ TCP_SYN_CACHE_FULL: 1, TCP_SYN_EVICTED: 1 });
    expect(core.header.synUsed).toBe(4);
  });

  test("the one that was repeated most gives way first", () => {
    fillUp();
    core.compact(entryOf(3)).flags += core.constant("tcp/tcb", "SYN_REPEATED");
    cache.advanceClock(4);
    expect(syn(5)).not.toBe(0);
    expect(entryOf(3)).toBe(0);
  });

  test("those that wait for a record do not", () => {
    boot({ connections: 1 });
    core.functions("tcp/tcb", "allocate").allocate();
    fillUp();
    for (const port of [1, 2, 3, 4]) expect(receive(port, {})).toBe(0);
    cache.advanceClock(100000);
    expect(syn(5)).toBe(0);
    expect(counted()).toEqual({ TCP_NO_RECORD: 4, TCP_SYN_CACHE_FULL: 1 });
  });
});

describe("receive: the ACK that completes the handshake", () => {
  test("makes a connection, queued for accept", () => {
    const entry = syn(1);
    const { sndNxt } = core.compact(entry);
    cache.advanceClock(80);
    const at = receive(1, {});
    const t = core.tcb(at);
    expect([t.state, t.kind, t.rcvNxt, t.sndUna]).toEqual([
      ...[TcpState.ESTABLISHED, core.kind("QUEUED"), ISS + 1, sndNxt],
    ]);
    expect([t.bits & core.agreed("ALL"), t.sndScale, t.sndMss]).toEqual([0, 0, 536]);
  });

  test("with what the SYN agreed on", () => {
    syn(1, OPTIONS);
    cache.advanceClock(80);
    const at = receive(1, { options: [{ kind: "timestamps", value: 778, echo: 0 }] });
    const t = core.tcb(at);
    expect([t.state, t.kind]).toEqual([TcpState.ESTABLISHED, core.kind("QUEUED")]);
    expect(t.bits & core.agreed("ALL")).toBe(core.agreed("ALL"));
    expect([t.sndScale, t.tsRecent, t.rcvAdv]).toEqual([9, 777, ISS + 1 + 2048]);
    // 1400 less the timestamps; half of the ring of 2048.
    expect(t.sndMss).toBe(1024 - 12);
    // From the SYN-ACK to its ACK: RFC 6298 section 2.2.
    expect([t.srtt8 / 8, t.rtoMs]).toEqual([80, 240]);
    expect([core.header.synUsed, core.header.connectionsUsed, listener().pending]).toEqual([0, 1, 1]);
    expect([listener().acceptHead, entryOf(1)]).toEqual([at, at]);
    expect(counted()).toEqual({ TCP_PASSIVE_OPENS: 1 });
  });

  test("of a SYN-ACK that was repeated gives no sample, one segment, and 3 seconds (RFC 6298 section 5.7)", () => {
    syn(1);
    core.compact(entryOf(1)).flags += core.constant("tcp/tcb", "SYN_REPEATED");
    const t = core.tcb(receive(1, {}));
    expect([t.retransmits, t.srtt8, t.rtoMs, t.congestionWindow]).toEqual([1, 0, 3000, t.sndMss]);
  });

  test("when the window was shut: an ACK tells of the one there is now", () => {
    boot({ connections: 1 });
    syn(1);
    syn(2);
    expect(receive(2, {})).not.toBe(0);
    const t = core.tcb(entryOf(2));
    expect(t.bits & core.bit("OWES_ACK")).not.toBe(0);
    expect(t.rcvAdv).toBe(ISS + 1);
  });

  test.each([
    ["no record", 1, 8, "TCP_NO_RECORD"],
    ["no place in the queue", 4, 1, "TCP_BACKLOG_FULL"],
  ])(
    "with %s free it waits, and becomes a connection when there is",
    (_what, connections, backlog, counter) => {
      boot({ connections }, backlog);
      for (const port of [1, 2]) syn(port);
      const first = receive(1, {});
      expect(receive(2, {})).toBe(0);
      expect(core.compact(entryOf(2)).kind).toBe(core.kind("WAITING"));
      expect(counted()).toEqual({ TCP_PASSIVE_OPENS: 1, [counter]: 1 });
      expect([cache.scan(), core.header.synUsed]).toEqual([0, 1]);
      const { accept } = core.functions("tcp/listen", "accept");
      expect(accept(core.state.listenerTable)).toBe(first);
      core.tcb(first).kind = core.kind("DETACHED");
      core.functions("tcp/ending", "finish").finish(first);
      expect([cache.scan(), core.header.synUsed]).toEqual([0, 0]);
      expect(core.tcb(entryOf(2)).state).toBe(TcpState.ESTABLISHED);
    },
  );
});

test.each([
  // Its sender probes the window as long as it is answered; an ACK alone asks for nothing.
  [1, 16],
  [0, undefined],
])("a handshake that waits answers a segment with %i octets of data: %s", (data, flags) => {
  boot({ connections: 1 });
  core.functions("tcp/tcb", "allocate").allocate();
  const entry = syn(1);
  expect(reply()).toMatchObject({ flags: 18, window: 0 });
  const { sndNxt } = core.compact(entry);
  for (let again = 0; again < 2; again++) {
    expect(receive(1, { payload: new Uint8Array(data) })).toBe(0);
    const answer = reply();
    expect(answer?.flags).toBe(flags);
    if (answer) expect(answer).toMatchObject({ seq: sndNxt, ack: ISS + 1, window: 0 });
  }
  expect(core.compact(entry).kind).toBe(core.kind("WAITING"));
});

describe("receive: everything else (RFC 9293 section 3.10.7.4 in SYN-RECEIVED)", () => {
  test("the SYN again: the SYN-ACK again, the entry as it was", () => {
    const entry = syn(1, OPTIONS);
    const first = reply();
    const before = core.memory.slice(entry, entry + 32);
    expect(receive(1, { flags: "S", seq: ISS, options: OPTIONS })).toBe(0);
    expect(reply()).toEqual(first);
    expect(core.memory.slice(entry, entry + 32)).toEqual(before);
  });

  test.each<[flags: string, offset: number, ack: number, data: number, counter: string, answer?: number]>([
    // First: outside the window of 2048 octets an ACK tells where we are; a reset nothing.
    ["A", -1, 0, 0, "TCP_OUTSIDE_WINDOW", 16],
    ["A", 2048, 0, 0, "TCP_OUTSIDE_WINDOW", 16],
    ["A", 2048, 0, 1, "TCP_OUTSIDE_WINDOW", 16],
    ["S", -2, 0, 0, "TCP_OUTSIDE_WINDOW", 16],
    ["S", 5000, 0, 0, "TCP_OUTSIDE_WINDOW", 16],
    ["R", -1, 0, 0, "TCP_RST_OUTSIDE"],
    ["R", 2048, 0, 0, "TCP_RST_OUTSIDE"],
    // Second: a reset inside, RFC 5961 section 3.
    ["R", 1, 0, 0, "TCP_RST_CHALLENGED", 16],
    ["R", 2047, 0, 0, "TCP_RST_CHALLENGED", 16],
    // Fourth: a SYN inside, RFC 5961 section 4.
    ["S", 0, 0, 0, "TCP_SYN_CHALLENGED", 16],
    ["SA", 5, 0, 0, "TCP_SYN_CHALLENGED", 16],
    // Fifth: the ACK.
    ["", 0, 0, 0, "TCP_NO_ACK"],
    ["F", 0, 0, 0, "TCP_NO_ACK"],
    ["A", 0, 1, 0, "TCP_ACK_UNACCEPTABLE", 4],
    ["A", 0, -1, 0, "TCP_ACK_UNACCEPTABLE", 4],
    ["A", 2047, 2 ** 31, 0, "TCP_ACK_UNACCEPTABLE", 4],
  ])("%s at %i from RCV.NXT, ACK %i beyond, %i of data: %s", (flags, offset, ack, data, counter, answer) => {
    const entry = syn(1);
    const { sndNxt } = core.compact(entry);
    const payload = new Uint8Array(data);
    expect(receive(1, { flags, seq: ISS + 1 + offset, ack: (sndNxt + ack) >>> 0, payload })).toBe(0);
    expect(counted()).toEqual({ [counter]: 1 });
    expect(reply()?.flags).toBe(answer);
    expect([entryOf(1), core.header.connectionsUsed]).toEqual([entry, 0]);
  });

  test("a reset at RCV.NXT ends it", () => {
    syn(1);
    expect(receive(1, { flags: "R" })).toBe(0);
    expect([entryOf(1), core.header.synUsed, reply()]).toEqual([0, 0, undefined]);
    expect(counted()).toEqual({ TCP_RESETS_IN: 1 });
  });

  test.each([
    [776, "TCP_PAWS"],
    [undefined, "TCP_NO_TIMESTAMP"],
    [777, undefined],
    [778, undefined],
  ])("with agreed timestamps a TSval of %s after 777: %s", (value, counter) => {
    syn(1, OPTIONS);
    reply();
    const options = value === undefined ? [] : [{ kind: "timestamps" as const, value, echo: 0 }];
    expect(receive(1, { options }) !== 0).toBe(counter === undefined);
    expect(counted()).toEqual({ [counter ?? "TCP_PASSIVE_OPENS"]: 1 });
    // A segment without is dropped and not answered (RFC 7323 section 3.2), an old one is.
    expect(reply()?.flags).toBe(counter === "TCP_PAWS" ? 16 : undefined);
  });

  test("a shut window takes what stands at RCV.NXT alone", () => {
    boot({ connections: 1 });
    syn(1);
    syn(2);
    expect(receive(2, { seq: ISS + 2 })).toBe(0);
    expect(counted()).toEqual({ TCP_OUTSIDE_WINDOW: 1 });
  });
});

describe("scan", () => {
  const learn = () =>
    core.functions("net/arp", "receive").receive(
      core.putFrame(
        frameOf({
          arp: { operation: 2, senderMac: PEER.mac, senderIp: PEER.address, targetIp: DEVICE.address },
        }),
      ) - 14,
    );

  test("repeats the SYN-ACK after 1, 3, 7 seconds (RFC 6298 section 5.5), then gives up", () => {
    learn();
    const { sndNxt } = core.compact(syn(1, OPTIONS));
    for (const [index, seconds] of [1, 3, 7].entries()) {
      cache.advanceClock(seconds * 1000 - 1);
      expect(cache.scan()).toBe(0);
      cache.advanceClock(seconds * 1000);
      const packet = decode(core.outputFrame(cache.scan()));
      expect(packet.kind === "tcp" && packet.ethernet.destination).toBe(PEER.mac);
      expect(packet.kind === "tcp" && packet.tcp).toMatchObject({
        ...{ seq: (sndNxt - 1) >>> 0, ack: ISS + 1, flags: 18 },
      });
      expect(cache.scan()).toBe(0);
      expect(core.counters().TCP_RETRANSMITS).toBe(index + 1);
    }
    cache.advanceClock(14999);
    expect([cache.scan(), core.header.synUsed]).toEqual([0, 1]);
    cache.advanceClock(15000);
    expect([cache.scan(), core.header.synUsed, entryOf(1)]).toEqual([0, 0, 0]);
    expect(core.counters().TCP_SYN_EXPIRED).toBe(1);
  });

  test("waits at most a minute for an answer", () => {
    boot({ synRetries: 31 });
    learn();
    const at = syn(1);
    let last = 0;
    for (let repeat = 1; repeat <= 31; repeat++) {
      cache.advanceClock(core.compact(at).deadline);
      // The neighbour would be asked for again meanwhile.
      learn();
      expect(cache.scan()).not.toBe(0);
      const wait = core.compact(at).deadline - core.state.now;
      expect(wait).toBe(Math.min(1000 * 2 ** repeat, 60000));
      last = core.compact(at).flags;
    }
    expect(last >> 3).toBe(31);
    cache.advanceClock(core.compact(at).deadline);
    expect([cache.scan(), entryOf(1)]).toEqual([0, 0]);
  });

  test("a repeat waits for the neighbour, and does not count until it leaves", () => {
    const at = syn(1);
    cache.advanceClock(1000);
    expect(cache.scan()).toBe(0);
    expect(core.compact(at).flags >> 3).toBe(0);
    cache.advanceClock(1500);
    learn();
    expect(cache.scan()).not.toBe(0);
    expect([core.compact(at).flags >> 3, core.compact(at).deadline]).toEqual([1, 3500]);
  });
});

test("unreachable gives up those whose SYN-ACK waits for that neighbour", () => {
  syn(1);
  cache.advanceClock(500);
  syn(2);
  cache.advanceClock(1000);
  cache.unreachable(address("10.0.0.99"));
  expect(core.header.synUsed).toBe(2);
  cache.unreachable(address(PEER.address));
  expect([entryOf(1), entryOf(2) !== 0, core.header.synUsed]).toEqual([0, true, 1]);
  expect(core.counters().TCP_SYN_EXPIRED).toBe(1);
});

test("forget: those of the listener's port, whatever the peer's", () => {
  for (const port of [1, 2]) syn(port);
  arrive(core, { sourcePort: 80, destinationPort: 1, flags: "S", seq: ISS });
  cache.add(0);
  expect(core.header.synUsed).toBe(3);
  cache.forget(ports(9, 80));
  expect([core.header.synUsed, entryOf(1), entryOf(2)]).toEqual([1, 0, 0]);
  expect(cache.find(address(PEER.address), ports(80, 1))).not.toBe(0);
});

test("remove frees an entry: nothing finds it, and it is counted as free", () => {
  const entry = syn(40000);
  expect(core.header.synUsed).toBe(1);
  cache.remove(entry);
  expect([entryOf(40000), core.compact(entry).kind, core.header.synUsed]).toEqual([0, 0, 0]);
});
