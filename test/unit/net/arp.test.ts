import { beforeEach, describe, expect, test } from "vitest";
import {
  ArpOperation,
  type ArpSpec,
  BROADCAST_MAC,
  decode,
  type Packet,
} from "../../../host/packet/index.js";
import { Prng } from "../../../host/sim/prng.js";
import { address, DEVICE, frameOf, PEER, UnitCore } from "../core.js";

const RETRY_MS = 1000;
const KNOWN_MS = 60000;
const TRIES = 3;

let core: UnitCore;
let arp: ReturnType<typeof functionsOf>;

function functionsOf(unit: UnitCore) {
  return {
    ...unit.functions(
      "net/arp",
      "receive",
      "resolve",
      "emitRequest",
      "emitReply",
      "emitProbe",
      "announce",
      "forget",
      "doubt",
    ),
    ...unit.functions("lib/clock", "advanceClock"),
  };
}

function boot(arpEntries: number, now = 0): void {
  core = new UnitCore({ arpEntries }, now);
  arp = functionsOf(core);
}

beforeEach(() => boot(3));

/** Gives `receive` a packet; a reply of PEER to us unless it says otherwise. */
function receive(spec: Partial<ArpSpec> = {}): boolean {
  const packet: ArpSpec = {
    operation: ArpOperation.REPLY,
    senderMac: PEER.mac,
    senderIp: PEER.address,
    targetMac: DEVICE.mac,
    targetIp: DEVICE.address,
    ...spec,
  };
  return arp.receive(core.putFrame(frameOf({ arp: packet })) - 14) as unknown as boolean;
}

/** The MAC of an address, or undefined while it is asked for. */
function resolve(text: string): string | undefined {
  const at = arp.resolve(address(text));
  if (!at) return undefined;
  return Array.from(core.memory.subarray(at, at + 6), (octet) => octet.toString(16).padStart(2, "0")).join(
    ":",
  );
}

/** The address that the next request asks for, of everybody or of `neighbour`; undefined when there is none. */
function asks(neighbour: string = BROADCAST_MAC): string | undefined {
  const bytes = arp.emitRequest();
  if (!bytes) return undefined;
  const packet: Packet = decode(core.outputFrame(bytes));
  if (packet.kind !== "arp") return expect.fail(packet.kind);
  expect(packet.problems).toEqual([]);
  expect(packet.ethernet).toMatchObject({ destination: neighbour, source: DEVICE.mac });
  expect(packet.arp).toMatchObject({
    ...{ operation: ArpOperation.REQUEST, senderMac: DEVICE.mac, senderIp: DEVICE.address },
    targetMac: "00:00:00:00:00:00",
  });
  expect(bytes).toBe(42);
  return packet.arp.targetIp;
}

describe("learning", () => {
  test("a packet for us makes an entry", () => {
    expect(receive()).toBe(true);
    expect(resolve(PEER.address)).toBe(PEER.mac);
    expect(core.state.replyKind).toBe(0);
  });

  test("a request for us makes an entry, and is owed a reply", () => {
    expect(receive({ operation: ArpOperation.REQUEST })).toBe(true);
    expect(resolve(PEER.address)).toBe(PEER.mac);
    expect(core.state.replyKind).toBe(core.constant("net/reply", "Reply.ARP"));
    const packet = decode(core.outputFrame(arp.emitReply()));
    expect(packet.problems).toEqual([]);
    expect(packet.kind === "arp" && packet.arp).toMatchObject({
      ...{ operation: ArpOperation.REPLY, senderMac: DEVICE.mac, senderIp: DEVICE.address },
      ...{ targetMac: PEER.mac, targetIp: PEER.address },
    });
    expect(packet.kind === "arp" && packet.ethernet.destination).toBe(PEER.mac);
  });

  test("a packet for somebody else makes none, but refreshes one", () => {
    expect(receive({ targetIp: "10.0.0.9" })).toBe(false);
    expect(core.counters()).toEqual({ ARP_IGNORED: 1 });
    receive();
    expect(receive({ targetIp: "10.0.0.9", senderMac: "06:00:00:00:00:07" })).toBe(true);
    expect(resolve(PEER.address)).toBe("06:00:00:00:00:07");
  });

  test("a probe for our address is answered and not remembered (RFC 5227)", () => {
    expect(receive({ operation: ArpOperation.REQUEST, senderIp: "0.0.0.0" })).toBe(false);
    expect(core.state.replyKind).toBe(core.constant("net/reply", "Reply.ARP"));
    expect(core.counters()).toEqual({ ARP_IGNORED: 1 });
  });

  test("whoever claims our own address is neither remembered nor answered", () => {
    expect(receive({ operation: ArpOperation.REQUEST, senderIp: DEVICE.address })).toBe(false);
    expect(core.state.replyKind).toBe(0);
    expect(core.counters()).toEqual({ ARP_CONFLICTS: 1 });
  });

  test.each(["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"])("%s is nobody's MAC", (senderMac) => {
    expect(receive({ senderMac })).toBe(false);
    expect(core.counters()).toEqual({ ARP_MALFORMED: 1 });
  });

  test("what check refuses is malformed", () => {
    expect(receive({ hardware: 6 })).toBe(false);
    expect(core.counters()).toEqual({ ARP_MALFORMED: 1 });
  });
});

describe("asking", () => {
  test("the question goes out three times, a second apart, and is given up a second later", () => {
    expect(resolve("10.0.0.7")).toBeUndefined();
    expect(core.state.scanDue).toBe(1);
    for (let question = 0; question < TRIES; question++) {
      arp.advanceClock(question * RETRY_MS);
      expect(asks()).toBe("10.0.0.7");
      expect(asks()).toBeUndefined();
      arp.advanceClock((question + 1) * RETRY_MS - 1);
      expect(asks()).toBeUndefined();
      expect(resolve("10.0.0.7")).toBeUndefined();
      expect(core.state.timersArmed).toBe(1);
    }
    arp.advanceClock(TRIES * RETRY_MS);
    expect(arp.emitRequest()).toBe(0);
    expect(core.state.arpFailed).toBe(address("10.0.0.7"));
    expect(core.counters()).toEqual({ ARP_REQUESTS: 3, ARP_FAILED: 1 });
    core.state.arpFailed = 0;
    expect(asks()).toBeUndefined();
    // Whoever wants it later asks anew.
    expect(resolve("10.0.0.7")).toBeUndefined();
    expect(asks()).toBe("10.0.0.7");
  });

  test("an answer ends it", () => {
    resolve("10.0.0.7");
    asks();
    expect(receive({ senderIp: "10.0.0.7", senderMac: "06:00:00:00:00:07" })).toBe(true);
    expect(resolve("10.0.0.7")).toBe("06:00:00:00:00:07");
    arp.advanceClock(RETRY_MS);
    expect(asks()).toBeUndefined();
  });

  test("works over the wrap of the clock", () => {
    boot(3, 0xffffff00);
    resolve("10.0.0.7");
    expect(asks()).toBe("10.0.0.7");
    arp.advanceClock(0xffffff00 + RETRY_MS - 1);
    expect(asks()).toBeUndefined();
    arp.advanceClock((0xffffff00 + RETRY_MS) >>> 0);
    expect(asks()).toBe("10.0.0.7");
  });
});

describe("expiry", () => {
  test("an entry that nobody used is forgotten after a minute", () => {
    receive();
    expect(asks()).toBeUndefined();
    arp.advanceClock(KNOWN_MS - 1);
    expect(asks()).toBeUndefined();
    arp.advanceClock(KNOWN_MS);
    expect(asks()).toBeUndefined();
    expect(core.counters()).toEqual({});
    expect(resolve(PEER.address)).toBeUndefined();
    expect(asks()).toBe(PEER.address);
  });

  test("one that was used is asked for again, by unicast, and used meanwhile (RFC 1122 section 2.3.2.1)", () => {
    receive();
    expect(resolve(PEER.address)).toBe(PEER.mac);
    arp.advanceClock(KNOWN_MS - 1);
    expect(asks()).toBeUndefined();
    for (let question = 0; question < TRIES; question++) {
      arp.advanceClock(KNOWN_MS + question * RETRY_MS);
      expect(asks(PEER.mac)).toBe(PEER.address);
      expect(asks()).toBeUndefined();
      expect(resolve(PEER.address)).toBe(PEER.mac);
      arp.advanceClock(KNOWN_MS + (question + 1) * RETRY_MS - 1);
      expect(asks()).toBeUndefined();
    }
    arp.advanceClock(KNOWN_MS + TRIES * RETRY_MS);
    expect(asks()).toBeUndefined();
    expect(core.state.arpFailed).toBe(address(PEER.address));
    expect(core.counters()).toEqual({ ARP_REQUESTS: TRIES, ARP_FAILED: 1 });
    expect(resolve(PEER.address)).toBeUndefined();
    expect(asks()).toBe(PEER.address);
  });

  test("an answer to that begins the minute anew, with the MAC that it says", () => {
    receive();
    resolve(PEER.address);
    arp.advanceClock(KNOWN_MS);
    expect(asks(PEER.mac)).toBe(PEER.address);
    receive({ senderMac: "06:00:00:00:00:07" });
    arp.advanceClock(KNOWN_MS + RETRY_MS);
    expect(asks()).toBeUndefined();
    expect(resolve(PEER.address)).toBe("06:00:00:00:00:07");
    arp.advanceClock(2 * KNOWN_MS);
    expect(asks("06:00:00:00:00:07")).toBe(PEER.address);
    expect(core.counters().ARP_FAILED).toBeUndefined();
  });

  test("doubt asks at once for one that is known, by unicast, and it is used meanwhile", () => {
    receive();
    core.state.scanDue = 0;
    arp.doubt(address(PEER.address));
    expect(core.state.scanDue).toBe(1);
    expect([asks(PEER.mac), asks()]).toEqual([PEER.address, undefined]);
    expect(resolve(PEER.address)).toBe(PEER.mac);
    receive({ senderMac: "06:00:00:00:00:07" });
    arp.advanceClock(RETRY_MS);
    expect([resolve(PEER.address), asks()]).toEqual(["06:00:00:00:00:07", undefined]);
  });

  test("doubt leaves alone what is not known: a question goes on, and none is asked", () => {
    arp.doubt(address(PEER.address));
    expect([asks(), core.state.scanDue]).toEqual([undefined, 0]);
    resolve("10.0.0.7");
    expect(asks()).toBe("10.0.0.7");
    core.state.scanDue = 0;
    arp.doubt(address("10.0.0.7"));
    expect([asks(), core.state.scanDue]).toEqual([undefined, 0]);
  });

  test("forget forgets all, and what is asked for too", () => {
    receive();
    resolve("10.0.0.7");
    arp.forget();
    expect(asks()).toBeUndefined();
    expect(resolve(PEER.address)).toBeUndefined();
    expect(asks()).toBe(PEER.address);
    expect(core.state.arpFailed).toBe(0);
  });

  test("whatever the neighbour says in between begins the minute anew", () => {
    receive();
    arp.advanceClock(KNOWN_MS - 1);
    receive({ targetIp: "10.0.0.9" });
    arp.advanceClock(2 * KNOWN_MS - 2);
    expect(resolve(PEER.address)).toBe(PEER.mac);
  });
});

describe("our own address (RFC 5227)", () => {
  const conflict = () => receive({ operation: ArpOperation.REQUEST, senderIp: DEVICE.address });

  test("announce: requests from us for us, ANNOUNCE_INTERVAL of two seconds apart, then nothing", () => {
    arp.announce(2);
    expect(core.state.scanDue).toBe(1);
    expect([asks(), asks()]).toEqual([DEVICE.address, undefined]);
    arp.advanceClock(1999);
    expect(asks()).toBeUndefined();
    expect([core.state.timersArmed, core.state.nextTimer]).toEqual([1, 2000]);
    arp.advanceClock(2000);
    expect([asks(), asks()]).toEqual([DEVICE.address, undefined]);
    for (const now of [4000, 6000]) {
      arp.advanceClock(now);
      expect(asks()).toBeUndefined();
    }
    // Nobody answers an announcement, and that is no failure.
    expect(core.counters()).toEqual({ ARP_ANNOUNCEMENTS: 2 });
    expect(core.state.arpFailed).toBe(0);
  });

  test("without an address there is nothing to announce", () => {
    core = new UnitCore({ address: "0.0.0.0" });
    arp = functionsOf(core);
    arp.announce(2);
    expect([core.state.scanDue, arp.emitRequest()]).toEqual([0, 0]);
  });

  test("a table full of questions announces nothing; a question displaces an announcement", () => {
    boot(1);
    resolve("10.0.0.7");
    arp.announce(2);
    expect([asks(), asks()]).toEqual(["10.0.0.7", undefined]);
    boot(1);
    arp.announce(2);
    expect(resolve("10.0.0.7")).toBeUndefined();
    expect([asks(), asks()]).toEqual(["10.0.0.7", undefined]);
  });

  test("whoever else uses it is met with one announcement, each DEFEND_INTERVAL of ten seconds", () => {
    for (const [now, defended] of [
      [0, true],
      [1, false],
      [9999, false],
      [10000, true],
      [19999, false],
      [20000, true],
    ] as const) {
      arp.advanceClock(now);
      expect(conflict()).toBe(false);
      expect([asks(), asks()], `${now}`).toEqual([defended ? DEVICE.address : undefined, undefined]);
    }
    expect(core.counters()).toMatchObject({ ARP_CONFLICTS: 6, ARP_ANNOUNCEMENTS: 3 });
  });
});

describe("room", () => {
  const learn = (last: number) =>
    receive({ senderIp: `10.0.0.${last}`, senderMac: `06:00:00:00:00:${String(last).padStart(2, "0")}` });

  test("known entries give way in turn, counted", () => {
    for (const last of [11, 12, 13, 14]) expect(learn(last)).toBe(true);
    expect(core.counters()).toEqual({ ARP_EVICTED: 1 });
    for (const last of [12, 13, 14]) expect(resolve(`10.0.0.${last}`)).toBe(`06:00:00:00:00:${last}`);
    expect(resolve("10.0.0.11")).toBeUndefined();
    expect(core.counters().ARP_EVICTED).toBe(2);
  });

  test("one that asks does not give way: others wait, and strangers are not learnt", () => {
    for (const last of [11, 12, 13]) expect(resolve(`10.0.0.${last}`)).toBeUndefined();
    expect(resolve("10.0.0.14")).toBeUndefined();
    expect(learn(15)).toBe(false);
    expect(core.counters().ARP_EVICTED).toBeUndefined();
    const asked = [asks(), asks(), asks(), asks()];
    expect(asked).toEqual(["10.0.0.11", "10.0.0.12", "10.0.0.13", undefined]);
    // As soon as one is settled there is room, at the latest when each had its turn.
    expect(learn(11)).toBe(true);
    for (let turn = 0; turn < 3; turn++) expect(resolve("10.0.0.14")).toBeUndefined();
    expect([asks(), asks()]).toEqual(["10.0.0.14", undefined]);
    expect(core.counters().ARP_EVICTED).toBe(1);
  });

  test("a table of one entry", () => {
    boot(1);
    expect(learn(11)).toBe(true);
    expect(learn(12)).toBe(true);
    expect(resolve("10.0.0.12")).toBe("06:00:00:00:00:12");
    expect(resolve("10.0.0.11")).toBeUndefined();
    expect(resolve("10.0.0.12")).toBeUndefined();
    expect(asks()).toBe("10.0.0.11");
  });
});

test("random neighbours: what resolves was said last by that very neighbour, within a minute", () => {
  boot(5);
  const prng = new Prng(1);
  const said = new Map<string, { mac: string; timeMs: number }>();
  let now = 0;
  let resolved = 0;
  for (let round = 0; round < 5000; round++) {
    now += prng.below(400);
    arp.advanceClock(now);
    const ip = `10.0.0.${10 + prng.below(12)}`;
    if (prng.chance(0.5)) {
      const mac = `06:00:00:00:00:${(16 + prng.below(200)).toString(16)}`;
      if (receive({ senderIp: ip, senderMac: mac })) said.set(ip, { mac, timeMs: now });
    } else {
      const mac = resolve(ip);
      const last = said.get(ip);
      if (mac !== undefined) {
        resolved++;
        expect(mac).toBe(last?.mac);
        expect(now - (last?.timeMs ?? -1)).toBeLessThan(KNOWN_MS);
      }
    }
    for (let requests = 0; asks() !== undefined; requests++) expect(requests).toBeLessThan(5);
    core.state.arpFailed = 0;
  }
  expect(resolved).toBeGreaterThan(300);
});

describe("an address that is probed (RFC 5227)", () => {
  const PROBED = "10.0.0.40";
  const conflict = () => core.services.conflict;
  const said = (spec: Partial<ArpSpec>) => {
    core.services.conflict = 0;
    core.state.scanDue = 0;
    expect(receive({ operation: ArpOperation.REQUEST, senderMac: "06:00:00:00:00:40", ...spec })).toBe(false);
    if (conflict()) expect(core.state.scanDue).toBe(1);
    return conflict();
  };

  test("a probe is a request of nobody's, for everybody", () => {
    const packet = decode(core.outputFrame(arp.emitProbe(address(PROBED))));
    expect(packet.problems).toEqual([]);
    expect(packet.kind === "arp" && [packet.arp, packet.ethernet.destination]).toMatchObject([
      {
        ...{ operation: ArpOperation.REQUEST, senderMac: DEVICE.mac, senderIp: "0.0.0.0" },
        ...{ targetMac: "00:00:00:00:00:00", targetIp: PROBED },
      },
      BROADCAST_MAC,
    ]);
    expect(core.counters()).toEqual({ ARP_REQUESTS: 1 });
  });

  test("whoever has it, or probes it, is a conflict", () => {
    core.services.probed = address(PROBED);
    expect(said({ senderIp: PROBED, targetIp: "10.0.0.9" })).toBe(1);
    expect(said({ operation: ArpOperation.REPLY, senderIp: PROBED })).toBe(1);
    expect(said({ senderIp: "0.0.0.0", targetIp: PROBED })).toBe(1);
    expect(core.counters()).toEqual({ ARP_CONFLICTS: 3 });
  });

  test("who asks for it, or probes another, is none", () => {
    core.services.probed = address(PROBED);
    expect(said({ senderIp: "10.0.0.9", targetIp: PROBED })).toBe(0);
    expect(said({ senderIp: "0.0.0.0", targetIp: "10.0.0.9" })).toBe(0);
    expect(core.counters()).toEqual({ ARP_IGNORED: 2 });
  });

  test("while none is probed nobody is in conflict", () => {
    expect(said({ senderIp: "0.0.0.0", targetIp: "0.0.0.0" })).toBe(0);
    expect(said({ senderIp: "0.0.0.0", targetIp: PROBED })).toBe(0);
  });

  test("ours, said to be another's twice within ten seconds", () => {
    expect(said({ senderIp: DEVICE.address })).toBe(0);
    arp.advanceClock(9999);
    expect(said({ senderIp: DEVICE.address })).toBe(1);
    arp.advanceClock(30_000);
    core.services.conflict = 0;
    receive({ senderIp: DEVICE.address });
    expect(conflict()).toBe(0);
  });

  test("what names a link-local address as the sender's goes to everybody (RFC 3927)", () => {
    core = new UnitCore({ address: "169.254.7.7", netmask: "255.255.0.0" });
    arp = functionsOf(core);
    receive({ operation: ArpOperation.REQUEST, senderIp: "169.254.1.1", targetIp: "169.254.7.7" });
    const packet = decode(core.outputFrame(arp.emitReply()));
    expect(packet.kind === "arp" && packet.ethernet.destination).toBe(BROADCAST_MAC);
    expect(packet.kind === "arp" && packet.arp.targetMac).toBe(PEER.mac);
  });
});
