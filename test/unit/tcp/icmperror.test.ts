// ICMP errors about our segments: which are believed (RFC 5927), and what they do (RFC 9293 section 3.9.2.2, RFC 1191).

import { describe, expect, test } from "vitest";
import { Status, TcpState } from "../../../host/abi.js";
import { encode } from "../../../host/packet/index.js";
import { DEVICE, frameOf, PEER, type UnitCore } from "../core.js";
import { inState, PORTS, SND_UNA } from "./stage.js";

const ROUTER = "10.0.0.254";

interface Quote {
  readonly type?: number;
  readonly code?: number;
  readonly mtu?: number;
  /** From SND.UNA. */
  readonly offset?: number;
  readonly protocol?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly ports?: readonly [source: number, destination: number];
  /** Octets of options in the quoted IP header. */
  readonly options?: number;
  /** Octets behind the quoted IP header. */
  readonly bytes?: number;
}

/** An error about a segment of ours arrives. */
function arrives(core: UnitCore, quote: Quote = {}): void {
  const [sourcePort, destinationPort] = quote.ports ?? [80, 40000];
  const sent = encode({
    link: { source: DEVICE.mac, destination: PEER.mac, minimumBytes: 0 },
    ipv4: {
      source: quote.source ?? DEVICE.address,
      destination: quote.destination ?? PEER.address,
      options: new Uint8Array(quote.options ?? 0).fill(1),
    },
    tcp: { sourcePort, destinationPort, seq: (SND_UNA + (quote.offset ?? 0)) >>> 0, flags: "A" },
  });
  if (quote.protocol !== undefined) sent[14 + 9] = quote.protocol;
  const payload = sent.slice(14, 14 + 20 + (quote.options ?? 0) + (quote.bytes ?? 8));
  const { type = 3, code = 1, mtu = 0 } = quote;
  core.putFrame(
    frameOf({
      ipv4: { source: ROUTER, destination: DEVICE.address },
      icmp: { type, code, sequence: mtu, payload },
    }),
  );
  core.functions("tcp/icmperror", "arrives").arrives();
}

/** A connection with 3000 octets out. */
function sending(state: number = TcpState.ESTABLISHED) {
  const placed = inState(state);
  Object.assign(placed.t, { sndNxt: SND_UNA + 3000, sndMax: SND_UNA + 3000, sendBytes: 3000, sndMss: 1460 });
  return placed;
}

describe("which are believed", () => {
  test.each<[string, Quote, string]>([
    ["about the first octet out", { offset: 0 }, "ICMP_ERRORS"],
    ["about the last", { offset: 2999 }, "ICMP_ERRORS"],
    ["about what was not sent", { offset: 3000 }, "ICMP_STRAY"],
    ["about what is acknowledged", { offset: -1 }, "ICMP_STRAY"],
    ["about another port of the peer", { ports: [80, 40001] }, "ICMP_STRAY"],
    ["about another port of ours", { ports: [81, 40000] }, "ICMP_STRAY"],
    ["with ports the other way round", { ports: [40000, 80] }, "ICMP_STRAY"],
    ["about another peer", { destination: "10.0.0.3" }, "ICMP_STRAY"],
    ["about what we have not sent", { source: "10.0.0.9" }, "ICMP_STRAY"],
    ["about UDP", { protocol: 17 }, "ICMP_STRAY"],
    ["about a packet with options", { options: 12 }, "ICMP_ERRORS"],
    ["quoting 7 octets", { bytes: 7 }, "ICMP_MALFORMED"],
    ["quoting nothing", { bytes: 0 }, "ICMP_MALFORMED"],
    ["quoting 7 octets behind options", { options: 40, bytes: 7 }, "ICMP_MALFORMED"],
    ["quoting more", { bytes: 20 }, "ICMP_ERRORS"],
  ])("%s", (_what, quote, counter) => {
    const { core, t } = sending();
    arrives(core, quote);
    expect(core.counters()).toEqual({ [counter]: 1 });
    expect(t.error).toBe(counter === "ICMP_ERRORS" ? Status.UNREACHABLE : Status.OK);
    expect(t.state).toBe(TcpState.ESTABLISHED);
  });

  test("across the end of the sequence space", () => {
    const { core, t } = sending();
    [t.sndUna, t.sndMax] = [0xffffff00, 0x100];
    arrives(core, { offset: 0xff - SND_UNA });
    expect(core.counters()).toEqual({ ICMP_ERRORS: 1 });
    arrives(core, { offset: 0x100 - SND_UNA });
    expect(core.counters()).toEqual({ ICMP_ERRORS: 1, ICMP_STRAY: 1 });
  });

  test("entries of the SYN cache and of TIME-WAIT have nothing to fail", () => {
    for (const kind of ["SYN", "WAITING", "TIME_WAIT"]) {
      const { core, at, t } = sending();
      core.functions("tcp/demux", "remove").remove(at);
      const entry = core.state.synTable;
      Object.assign(core.compact(entry), {
        remoteAddress: t.remoteAddress,
        ports: PORTS,
        sndNxt: SND_UNA + 1,
      });
      core.functions("tcp/compact", "add").add(entry, core.kind(kind));
      const before = core.memory.slice(entry, entry + 32);
      arrives(core, {});
      expect(core.counters()).toEqual({ ICMP_STRAY: 1 });
      expect(core.memory.slice(entry, entry + 32)).toEqual(before);
    }
  });
});

describe("what they do", () => {
  const kinds: [type: number, code: number][] = [11, 12].flatMap((type) => [
    ...([0, 1, 2, 3].map((code) => [type, code]) as [number, number][]),
  ]);
  for (let code = 0; code < 16; code++) if (code !== 4) kinds.push([3, code]);

  test.each(kinds)("type %i code %i: a synchronised connection goes on, the error is noted", (type, code) => {
    const { core, t } = sending();
    arrives(core, { type, code });
    expect([t.state, t.error, t.events]).toEqual([TcpState.ESTABLISHED, Status.UNREACHABLE, 0]);
  });

  test.each(kinds)("type %i code %i in SYN-SENT", (type, code) => {
    const { core, t } = inState(TcpState.SYN_SENT);
    t.sndNxt = t.sndMax = SND_UNA + 1;
    arrives(core, { type, code });
    // Protocol and port unreachable are hard errors (RFC 1122 section 4.2.3.9): nobody listens there.
    const fails = type === 3 && (code === 2 || code === 3);
    expect([t.state, t.error]).toEqual([fails ? TcpState.CLOSED : TcpState.SYN_SENT, Status.UNREACHABLE]);
  });
});

describe("fragmentation needed (RFC 1191)", () => {
  test.each([
    // MTU less 20 octets of IP and 20 of TCP.
    [1400, false, 1360],
    [1499, false, 1459],
    [1500, false, 1460],
    [9000, false, 1460],
    [576, false, 536],
    // A router that does not say, or lies: 576 at least.
    [575, false, 536],
    [68, false, 536],
    [0, false, 536],
    // With 12 octets of timestamps in every segment.
    [1400, true, 1348],
    [1500, true, 1448],
  ])("an MTU of %i, timestamps %s: segments of %i", (mtu, times, mss) => {
    const { core, at, t } = sending();
    if (times) Object.assign(t, { bits: core.agreed("TIMESTAMPS"), sndMss: 1448 });
    const smaller = mss < t.sndMss;
    arrives(core, { code: 4, mtu });
    expect([t.sndMss, t.error]).toEqual([mss, Status.OK]);
    // What is in flight goes again, and at once.
    expect(t.sndNxt).toBe(smaller ? SND_UNA : SND_UNA + 3000);
    expect(core.state.readyHead).toBe(smaller ? at : 0);
    expect(core.counters()).toEqual({ ICMP_ERRORS: 1 });
  });

  test("never larger than it was", () => {
    const { core, t } = sending();
    t.sndMss = 536;
    arrives(core, { code: 4, mtu: 1400 });
    expect([t.sndMss, t.sndNxt]).toEqual([536, SND_UNA + 3000]);
  });
});
