import { beforeEach, describe, expect, test } from "vitest";
import { encode } from "../../../host/packet/index.js";
import { Counter, Device, Option, octets, PEER, Status, toPort } from "../udp/stage.js";

const { MULTICAST_JOIN: JOIN, MULTICAST_LEAVE: LEAVE } = Option;
const [GROUP, OTHER] = ["239.255.255.250", "239.1.2.3"];
const ALL_HOSTS = "224.0.0.1";
/** Types of messages, RFC 2236 section 2.1. */
const [QUERY, REPORT, LEFT] = [0x11, 0x16, 0x17];

let device: Device;
let socket: number;

beforeEach(() => {
  device = new Device({ arpEntries: 4 });
  device.knowPeer();
  socket = device.open(1900);
});

const octetsOf = (address: string) => address.split(".").map(Number);
const macOf = (address: string) => {
  const [, b = 0, c = 0, d = 0] = octetsOf(address);
  return [1, 0, 0x5e, b & 0x7f, c, d].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
};

/** One's-complement sum of 16-bit words in the network's order. */
function sumOf(data: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function message(type: number, code: number, group = "0.0.0.0", more: number[] = []): Uint8Array {
  const data = Uint8Array.of(type, code, 0, 0, ...octetsOf(group), ...more);
  const sum = ~sumOf(data) & 0xffff;
  data.set([sum >> 8, sum & 0xff], 2);
  return data;
}

function arrives(payload: Uint8Array, to = ALL_HOSTS, source: string = PEER.address): void {
  const link = { source: PEER.mac, destination: macOf(to) };
  const ipv4 = { source, destination: to, protocol: 2, ttl: 1, options: Uint8Array.of(0x94, 4, 0, 0) };
  device.frame(encode({ link, ipv4, payload }));
}

/** The next frame, an IGMP message, or undefined. */
function next(): { type: number; group: string; to: string } | undefined {
  const length = device.abi.output(device.now);
  if (!length) return undefined;
  const frame = device.core.outputFrame(length);
  const ip = frame.subarray(14);
  // Version 4, a header of six words, the router alert option, time to live 1, internetwork control.
  expect([ip[0], ip[1], ip[8], ip[9], ...ip.subarray(20, 24)]).toEqual([0x46, 0xc0, 1, 2, 0x94, 4, 0, 0]);
  expect([sumOf(ip.subarray(0, 24)), sumOf(ip.subarray(24)), ip.length, ip[3]]).toEqual([
    0xffff, 0xffff, 32, 32,
  ]);
  expect([...ip.subarray(12, 16)].join(".")).toBe("10.0.0.1");
  const to = [...ip.subarray(16, 20)].join(".");
  const mac = [...frame.subarray(0, 6)].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
  expect(mac).toBe(macOf(to));
  return { type: ip[24] ?? 0, group: [...ip.subarray(28, 32)].join("."), to };
}

/** All messages of the next `ms` milliseconds, with when they left. */
function within(ms: number): { type: number; group: string; to: string; at: number }[] {
  const start = device.now;
  const sent: ReturnType<typeof within> = [];
  for (let rounds = 0; ; rounds++) {
    expect(rounds).toBeLessThan(1000);
    for (let one = next(); one; one = next()) sent.push({ ...one, at: device.now - start });
    const wait = device.abi.deadline(device.now) >>> 0;
    if (device.now - start + wait > ms) break;
    device.now += wait;
  }
  device.now = start + ms;
  return sent;
}

const settle = () => within(60_000);

describe("a group that is joined", () => {
  test("is reported at once, and once more within ten seconds", () => {
    device.group(socket, JOIN, GROUP);
    const sent = within(60_000);
    expect(sent.map(({ type, group, to }) => [type, group, to])).toEqual([
      [REPORT, GROUP, GROUP],
      [REPORT, GROUP, GROUP],
    ]);
    expect(sent[0]?.at).toBe(0);
    expect(sent[1]?.at).toBeLessThan(10_000);
  });

  test("by a second socket is not reported again, and not left as long as one is in it", () => {
    const second = device.open();
    device.group(socket, JOIN, GROUP);
    settle();
    device.group(second, JOIN, GROUP);
    expect(within(60_000)).toEqual([]);
    device.group(socket, LEAVE, GROUP);
    expect(within(60_000)).toEqual([]);
    device.abi.close(second);
    expect(within(60_000)).toEqual([{ type: LEFT, group: GROUP, to: "224.0.0.2", at: 0 }]);
    // All four places are free.
    const third = device.open();
    for (const last of [1, 2, 3, 4]) expect(device.group(third, JOIN, `239.0.0.${last}`)).toBe(Status.OK);
  });

  test("that everybody is in is not spoken of", () => {
    device.group(socket, JOIN, ALL_HOSTS);
    arrives(message(QUERY, 10));
    device.group(socket, LEAVE, "224.0.0.1");
    expect(within(60_000)).toEqual([]);
  });

  test("left and joined again before anything was said: no leave", () => {
    device.group(socket, JOIN, GROUP);
    settle();
    device.group(socket, LEAVE, GROUP);
    device.group(socket, JOIN, GROUP);
    expect(within(60_000).map(({ type }) => type)).toEqual([REPORT, REPORT]);
  });

  test("before there is an address waits for it", () => {
    const bare = new Device({ address: "0.0.0.0" });
    device = bare;
    socket = bare.open(1900);
    bare.group(socket, JOIN, GROUP);
    expect(next()).toBeUndefined();
  });

  test("is reported again when the link comes up: it may be another switch", () => {
    device.group(socket, JOIN, GROUP);
    settle();
    device.abi.linkChanged(0, 0, device.now);
    device.abi.linkChanged(0, 1, device.now);
    const types: (number | undefined)[] = [];
    for (let passed = 0; passed < 20_000; passed += 100) {
      device.now += 100;
      for (let length = device.abi.output(device.now); length; length = device.abi.output(device.now)) {
        const frame = device.core.outputFrame(length);
        // Not ARP's announcements.
        if (frame[13] === 0) types.push(frame[14 + 24]);
      }
    }
    expect(types).toEqual([REPORT]);
  });
});

describe("a query", () => {
  beforeEach(() => {
    for (const group of [GROUP, OTHER]) device.group(socket, JOIN, group);
    settle();
  });

  test.each([
    [1, 100],
    [100, 10_000],
    [255, 25_500],
    // Version 1 says nothing.
    [0, 10_000],
  ])("with a time of %i: each group within %i ms", (code, most) => {
    const times: number[] = [];
    for (let round = 0; round < 20; round++) {
      arrives(message(QUERY, code));
      const sent = within(60_000);
      expect(sent.map(({ type, group }) => `${type} ${group}`).sort()).toEqual([
        `${REPORT} ${OTHER}`,
        `${REPORT} ${GROUP}`,
      ]);
      times.push(...sent.map(({ at }) => at));
    }
    expect(Math.max(...times)).toBeLessThan(most);
    expect(Math.max(...times)).toBeGreaterThan(most / 2);
    expect(new Set(times).size).toBeGreaterThan(20);
  });

  test("for one group: that one alone", () => {
    arrives(message(QUERY, 10, OTHER), OTHER);
    expect(within(60_000)).toMatchObject([{ type: REPORT, group: OTHER }]);
    arrives(message(QUERY, 10, "239.9.9.9"), "239.9.9.9");
    expect(within(60_000)).toEqual([]);
  });

  test("a later one does not put off what is due", () => {
    arrives(message(QUERY, 1));
    for (let count = 0; count < 10; count++) arrives(message(QUERY, 255));
    expect(within(100)).toHaveLength(2);
    expect(within(60_000)).toEqual([]);
  });

  test("of version 3, longer, and from a switch without an address", () => {
    arrives(message(QUERY, 10, "0.0.0.0", [2, 125, 0, 0]), ALL_HOSTS, "0.0.0.0");
    expect(within(60_000)).toHaveLength(2);
  });

  test("floods: answers are as rare as all that anybody can ask for", () => {
    let sent = 0;
    for (let count = 0; count < 1000; count++) {
      arrives(message(QUERY, 1));
      device.now += 1;
      for (let one = next(); one; one = next()) sent++;
    }
    sent += within(1000).length;
    expect(device.counter("REPLY_LIMITED")).toBeGreaterThan(800);
    // Two groups, one query in ten milliseconds, and those at once.
    expect(sent).toBeLessThanOrEqual(2 * 152);
  });
});

describe("what is counted and forgotten", () => {
  beforeEach(() => {
    device.group(socket, JOIN, GROUP);
    settle();
  });

  test.each([
    ["shorter than a message", message(QUERY, 1).subarray(0, 7), "IGMP_MALFORMED"],
    ["nothing", new Uint8Array(0), "IGMP_MALFORMED"],
    [
      "a wrong checksum",
      message(QUERY, 1).map((octet, at) => (at === 2 ? octet ^ 1 : octet)),
      "IGMP_MALFORMED",
    ],
    ["another host's report", message(REPORT, 0, GROUP), "IGMP_IGNORED"],
    ["another host's report, version 1", message(0x12, 0, GROUP), "IGMP_IGNORED"],
    ["another host's report, version 3", message(0x22, 0, GROUP), "IGMP_IGNORED"],
    ["a leave", message(LEFT, 0, GROUP), "IGMP_IGNORED"],
  ] as const)("%s", (_name, payload, counter) => {
    arrives(payload, GROUP);
    expect(device.counter(counter)).toBe(1);
    expect(within(60_000)).toEqual([]);
  });

  test("a report of another host does not silence ours", () => {
    arrives(message(QUERY, 100));
    arrives(message(REPORT, 0, GROUP), GROUP);
    expect(within(60_000)).toHaveLength(1);
  });

  test("what was sent to us alone is no query", () => {
    const link = { source: PEER.mac, destination: "02:00:00:00:00:01" };
    device.frame(
      encode({
        link,
        ipv4: { source: PEER.address, destination: "10.0.0.1", protocol: 2 },
        payload: message(QUERY, 1),
      }),
    );
    expect(device.counter("IP_NOT_OURS")).toBe(1);
  });
});

test("emit without an address, or a group, says nothing; report arms what emit sends", () => {
  const { emit, report, receive } = device.core.functions("net/igmp", "emit", "report", "receive");
  expect([emit(), typeof receive]).toEqual([0, "function"]);
  device.group(socket, JOIN, GROUP);
  settle();
  report(0, 1);
  expect(emit()).toBe(46);
  expect(emit()).toBe(0);
});

test("datagrams to the group arrive, and no others", () => {
  device.group(socket, JOIN, GROUP);
  settle();
  const at = { destinationMac: macOf(GROUP) };
  device.udp(toPort(1900, octets(3)), { ...at, destination: GROUP });
  expect(device.receive(socket)).toMatchObject({ data: [...octets(3)] });
  device.group(socket, LEAVE, GROUP);
  device.udp(toPort(1900, octets(3)), { ...at, destination: GROUP });
  expect(device.receive(socket)).toBe(Status.WOULD_BLOCK);
  expect(Counter.IGMP_IGNORED).toBe(87);
});
