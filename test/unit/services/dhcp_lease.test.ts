// What time does to a lease: `timerDue` in every state, and `start`, `reboot`, `pause`, `bind`, `lose`, `decline`, `release` and
// `quit` behind it.

import { beforeEach, describe, expect, test } from "vitest";
import { DEADLINE_NEVER, DhcpState, Status } from "../../../host/abi.js";
import { ArpOperation } from "../../../host/packet/index.js";
import { DhcpServer, Squatter } from "../../services/dhcp_server.js";
import { Stage } from "../../services/dhcp_stage.js";
import { DEVICE, frameOf } from "../core.js";

const OURS = "10.0.0.100";
const OTHER = { mac: "02:00:00:00:00:07", address: "10.0.0.77" };

let stage: Stage;
let server: DhcpServer;

beforeEach(() => {
  stage = new Stage();
  server = new DhcpServer();
  stage.hosts = [server];
});

const types = () => stage.messages.map(({ type }) => type);

/** Seconds between neighbours of these times, and their differences from what was expected, in milliseconds. */
function expectGaps(timesMs: number[], seconds: number[]): void {
  expect(timesMs.length).toBe(seconds.length + 1);
  for (const [index, gap] of seconds.entries()) {
    const passed = (timesMs[index + 1] as number) - (timesMs[index] as number);
    expect(Math.abs(passed - gap * 1000), `gap ${index}`).toBeLessThanOrEqual(1000);
  }
}

describe("SELECTING", () => {
  test("DISCOVER goes after 4, 8, 16, 32, 64 and always 64 seconds, a second more or less (section 4.1)", () => {
    server.on = false;
    stage.open().run(600_000);
    const { messages } = stage;
    expect(new Set(types())).toEqual(new Set(["DISCOVER"]));
    expectGaps(
      messages.map(({ timeMs }) => timeMs),
      [4, 8, 16, 32, 64, 64, 64, 64, 64, 64, 64, 64].slice(0, messages.length - 1),
    );
    expect(messages.length).toBeGreaterThan(10);
    expect(new Set(messages.map(({ xid }) => xid)).size).toBe(1);
    for (const { secs, timeMs } of messages) expect(secs).toBe(Math.floor(timeMs / 1000));
  });

  test("the delays vary from device to device, over the whole second to either side", () => {
    const first = Array.from({ length: 60 }, (_, seed) => {
      const one = new Stage({ seed: Uint8Array.from({ length: 32 }, (_, index) => index + seed) });
      one.open().run(6000);
      return one.messages[1]?.timeMs as number;
    });
    expect(Math.min(...first)).toBeGreaterThanOrEqual(3000);
    expect(Math.min(...first)).toBeLessThan(3200);
    expect(Math.max(...first)).toBeLessThanOrEqual(5000);
    expect(Math.max(...first)).toBeGreaterThan(4800);
    expect(new Set(first).size).toBeGreaterThan(50);
  });

  test("transaction ids are random", () => {
    const ids = Array.from({ length: 40 }, (_, seed) => {
      const one = new Stage({ seed: Uint8Array.from({ length: 32 }, (_, index) => index + seed) });
      return one.open().run(0).messages[0]?.xid;
    });
    expect(new Set(ids).size).toBe(40);
  });

  test("the link that is back begins it anew, at once", () => {
    server.on = false;
    stage.open().run(100_000);
    const before = stage.messages.length;
    stage.linkChanged(0);
    stage.run(10);
    stage.linkChanged(1);
    stage.run(0);
    expect(stage.messages.length).toBe(before + 1);
    expect(stage.messages.at(-1)).toMatchObject({ type: "DISCOVER", secs: 0 });
    expect(stage.messages.at(-1)?.xid).not.toBe(stage.messages[0]?.xid);
  });
});

describe("REQUESTING", () => {
  /** A server whose offers are all that arrives. */
  function deafServer(): void {
    stage.hosts = [
      {
        receive: (frame, timeMs) => {
          const heard = server.heard.length;
          const answers = server.receive(frame, timeMs);
          return server.heard.length > heard && server.heard.at(-1)?.type !== "DISCOVER" ? [] : answers;
        },
      },
    ];
  }

  test("REQUEST goes five times, and then all begins anew (section 3.1)", () => {
    deafServer();
    stage.open().run(130_000);
    const requests = stage.messages.filter(({ type }) => type === "REQUEST");
    expect(types().slice(0, 8)).toEqual([
      "DISCOVER",
      ...new Array<string>(5).fill("REQUEST"),
      ...["DISCOVER", "REQUEST"],
    ]);
    const times = requests.map(({ timeMs }) => timeMs);
    expectGaps(times.slice(0, 5), [4, 8, 16, 32]);
    expectGaps([times[4] as number, stage.messages[6]?.timeMs as number], [64]);
    // One transaction, and the seconds of its DISCOVER (section 4.4.1).
    expect(new Set(stage.messages.slice(0, 6).map(({ xid, secs }) => `${xid} ${secs}`)).size).toBe(1);
    expect(new Set(stage.messages.slice(0, 6).map(({ secs }) => secs))).toEqual(new Set([0]));
  });

  test("the link that is back begins anew", () => {
    deafServer();
    stage.open().run(1000);
    expect(stage.lease.state).toBe(DhcpState.REQUESTING);
    stage.linkChanged(1);
    expect(stage.lease.state).toBe(DhcpState.SELECTING);
  });
});

describe("CHECKING", () => {
  test("two probes a second or two apart, then two seconds of silence, and the address is ours and announced", () => {
    stage.open().run(10_000);
    const arps = stage.arps.map((arp) => arp.split(" ").slice(1).join(" "));
    expect(arps).toEqual([
      ...new Array(2).fill(`0.0.0.0 > ${OURS}`),
      ...new Array(2).fill(`${OURS} > ${OURS}`),
    ]);
    const [first, second, taken, again] = stage.arps.map((arp) => Number.parseInt(arp, 10)) as [
      ...[number, number, number, number],
    ];
    expect(first).toBe(4);
    expect(second - first).toBeGreaterThanOrEqual(1000);
    expect(second - first).toBeLessThan(2000);
    expect([taken - second, again - taken]).toEqual([2000, 2000]);
    expect(stage.events).toEqual([{ timeMs: taken, names: "READABLE" }]);
    expect(stage.lease.state).toBe(DhcpState.BOUND);
  });

  test("somebody answers a probe: DECLINE, ten seconds of silence, and another address", () => {
    stage.hosts.push(new Squatter(OURS, OTHER.mac));
    stage.open().run(9000);
    expect(types()).toEqual(["DISCOVER", "REQUEST", "DECLINE"]);
    const [, , decline] = stage.messages;
    expect([...(decline?.options.keys() ?? [])]).toEqual([53, 61, 50, 54]);
    expect(decline).toMatchObject({ ciaddr: "0.0.0.0", source: "0.0.0.0", destination: "255.255.255.255" });
    expect([decline?.secs, decline?.broadcast, decline?.options.get(50)?.join(".")]).toEqual([
      0,
      false,
      OURS,
    ]);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.WAITING, "0.0.0.0"]);
    // The link cannot shorten it.
    stage.linkChanged(1);
    expect(stage.lease.state).toBe(DhcpState.WAITING);
    stage.run(30_000);
    expect(types().slice(3)).toEqual(["DISCOVER", "REQUEST"]);
    expect((stage.messages[3]?.timeMs ?? 0) - (decline?.timeMs ?? 0)).toBe(10_000);
    expect([stage.address, server.declined]).toEqual(["10.0.0.101", new Set([OURS])]);
    expect(stage.core.counters()).toMatchObject({ ARP_CONFLICTS: 1 });
    expect(stage.events.map(({ names }) => names)).toEqual(["READABLE"]);
  });

  test.each<[string, string, boolean]>([
    ["announces it", OURS, true],
    ["probes it, too", "0.0.0.0", true],
    ["probes another", "0.0.0.0", false],
  ])("somebody else %s", (_what, senderIp, same) => {
    stage.open().run(1500);
    const targetIp = same ? OURS : "10.0.0.9";
    stage.give(
      frameOf({ arp: { operation: ArpOperation.REQUEST, senderMac: OTHER.mac, senderIp, targetIp } }),
    );
    stage.run(0);
    expect(stage.lease.state).toBe(same ? DhcpState.WAITING : DhcpState.CHECKING);
  });

  test("a conflict in the very instant in which the address would be taken", () => {
    const twin = new Stage();
    twin.hosts = [new DhcpServer()];
    twin.open().run(10_000);
    const takenMs = twin.events[0]?.timeMs ?? 0;
    stage.open().run(takenMs - 1);
    const arp = { operation: ArpOperation.REPLY, senderMac: OTHER.mac, senderIp: OURS, targetIp: OURS };
    stage.give(frameOf({ arp }));
    stage.timeMs++;
    stage.run(0);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.WAITING, "0.0.0.0"]);
  });

  test("the link that is back begins anew, and probes no more", () => {
    stage.open().run(500);
    stage.hosts = [];
    stage.linkChanged(1);
    stage.run(30_000);
    expect(stage.arps.length).toBe(1);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.SELECTING, "0.0.0.0"]);
  });
});

describe("BOUND, RENEWING, REBINDING (section 4.4.5)", () => {
  const HOUR = 3_600_000;

  test("T1: the server alone is asked, from our address; the lease begins anew", () => {
    stage.open().run(HOUR);
    expect(types()).toEqual(["DISCOVER", "REQUEST", "REQUEST"]);
    const renewal = stage.messages[2];
    expect(renewal).toMatchObject({ ciaddr: OURS, source: OURS, destination: "10.0.0.2", toMac: server.mac });
    expect([...(renewal?.options.keys() ?? [])]).toEqual([53, 61, 55]);
    expect([renewal?.broadcast, renewal?.secs]).toEqual([false, 0]);
    expect(stage.events.length).toBe(2);
    // From when it was asked for: T1 is half an hour after that.
    stage.run(HOUR / 2);
    expect(stage.messages.length).toBe(4);
    // The address was never let go of.
    expect(stage.core.counters()).toMatchObject({ ARP_ANNOUNCEMENTS: 2 });
  });

  test("without an answer it is asked in half of the time until T2, but no sooner than in a minute; then everybody", () => {
    stage.open().run(10_000);
    server.on = false;
    stage.run(HOUR);
    const asked = stage.messages.slice(2).map(({ timeMs, destination }) => ({
      at: Math.round(timeMs / 1000),
      to: destination === "10.0.0.2" ? "server" : "all",
    }));
    const expected = [1800, 2475, 2813, 2981, 3066, 3126, 3150].map((at) => ({
      at,
      to: at < 3150 ? "server" : "all",
    }));
    const rebinding = [3375, 3488, 3548].map((at) => ({ at, to: "all" }));
    expect(asked.slice(0, 10)).toEqual([...expected, ...rebinding]);
    for (const { source, ciaddr, secs, options } of stage.messages.slice(2, 12))
      expect([source, ciaddr, secs, options.has(50), options.has(54)]).toEqual([OURS, OURS, 0, false, false]);
    // And then the lease is over, and the address with it.
    expect(stage.events.at(-1)).toEqual({ timeMs: HOUR, names: "FAILED" });
    expect([stage.address, stage.lease.state]).toEqual(["0.0.0.0", DhcpState.SELECTING]);
    const { address, router, server: granter, dnsServer0, leaseSeconds, mtu } = stage.lease;
    for (const octets of [address, router, granter, dnsServer0]) expect([...octets]).toEqual([0, 0, 0, 0]);
    expect([leaseSeconds, mtu]).toEqual([0, 0]);
    expect(stage.messages[12]).toMatchObject({ type: "DISCOVER", timeMs: HOUR, secs: 0 });
  });

  test("each of these requests has its own number: an answer to an earlier one renews nothing", () => {
    stage.open().run(10_000);
    server.on = false;
    stage.run(2_600_000);
    const [first, second] = stage.messages.slice(2);
    if (!first || !second) return expect.fail("no requests");
    expect(first.xid).not.toBe(second.xid);
    stage.give(server.say(first, "ACK", OURS));
    expect(stage.lease.state).toBe(DhcpState.RENEWING);
    stage.give(server.say(second, "ACK", OURS));
    expect(stage.lease.state).toBe(DhcpState.BOUND);
    // From 2,475 seconds on.
    stage.run(3_600_000);
    expect(stage.events.at(-1)).toEqual({ timeMs: 2_475_000 + HOUR, names: "FAILED" });
  });

  test("a lease that ends while another server answers: that one's is taken", () => {
    const second = new DhcpServer({ address: "10.0.0.3", mac: "02:00:00:00:00:03" });
    stage.hosts.push(second);
    second.on = false;
    stage.open().run(10_000);
    server.on = false;
    second.on = true;
    stage.run(2 * HOUR);
    expect([stage.lease.state, stage.lease.server.join("."), stage.address]).toEqual([
      ...[DhcpState.BOUND, "10.0.0.3", OURS],
    ]);
    expect(stage.events.every(({ names }) => names === "READABLE")).toBe(true);
  });

  test("the server cannot be reached: everybody is asked at T2", () => {
    stage.open().run(10_000);
    server.pool = [OURS];
    const isArp = (frame: Uint8Array) => frame[12] === 8 && frame[13] === 6;
    stage.delays = (frame) => (isArp(frame) ? [] : [1]);
    stage.run(HOUR);
    expect(types()).toEqual(["DISCOVER", "REQUEST", "REQUEST"]);
    expect(stage.messages[2]).toMatchObject({ destination: "255.255.255.255", timeMs: 3_150_000 });
    expect(stage.core.counters().ARP_FAILED).toBeGreaterThan(3);
  });

  test("a server behind no router cannot be reached, either", () => {
    server.options = [[1, [255, 255, 255, 255]]];
    stage.open().run(HOUR);
    expect(types()).toEqual(["DISCOVER", "REQUEST", "REQUEST"]);
    expect(stage.messages[2]).toMatchObject({ destination: "255.255.255.255", timeMs: 3_150_000 });
  });

  test.each([2, 3, 4])("a lease of %i s makes no storm", (seconds) => {
    server.leaseSeconds = seconds;
    stage.open().run(100_000);
    // At most one renewal a second.
    expect(stage.messages.length).toBeLessThanOrEqual(110);
    expect(stage.messages.length).toBeGreaterThan(30);
  });

  test("a lease of more than 49 days, in which the milliseconds wrap", () => {
    const DAY = 86_400_000;
    server.leaseSeconds = 200 * 86_400;
    stage.open().run(10_000);
    stage.run(99 * DAY);
    expect(types().length).toBe(2);
    stage.run(2 * DAY);
    expect(stage.messages[2]?.timeMs).toBeGreaterThanOrEqual(100 * DAY);
    expect(stage.messages[2]?.timeMs).toBeLessThan(100 * DAY + 1000);
    server.on = false;
    stage.run(199 * DAY);
    expect([stage.address, stage.lease.state]).toEqual(["0.0.0.0", DhcpState.SELECTING]);
    const lost = stage.events.at(-1);
    expect(lost?.names).toBe("FAILED");
    expect(Math.abs((lost?.timeMs ?? 0) - 300 * DAY)).toBeLessThan(1000);
  });
});

describe("REBOOTING (section 3.2)", () => {
  beforeEach(() => {
    stage.open().run(10_000);
    stage.linkChanged(0);
    stage.run(1000);
  });

  test("the link is back: the address is asked for, and kept meanwhile", () => {
    stage.linkChanged(1);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.REBOOTING, OURS]);
    stage.run(0);
    const request = stage.messages.at(-1);
    expect(request).toMatchObject({ type: "REQUEST", ciaddr: "0.0.0.0", source: "0.0.0.0", broadcast: true });
    expect([...(request?.options.keys() ?? [])]).toEqual([53, 61, 55, 50]);
    // This has begun just now, whenever the first server was looked for.
    expect(request?.secs).toBe(0);
    stage.run(5000);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.BOUND, OURS]);
    // It was in use: nobody is probed. But others hear of us again, once the server has said yes.
    expect(stage.arps.filter((arp) => arp.includes("0.0.0.0")).length).toBe(2);
    expect(stage.events.map(({ names }) => names)).toEqual(["READABLE", "READABLE"]);
  });

  test("in another network, where the address is refused: it is forgotten, and another found", () => {
    const elsewhere = new DhcpServer({ address: "192.0.2.2", pool: ["192.0.2.10"] });
    stage.hosts = [elsewhere];
    stage.linkChanged(1);
    stage.run(10_000);
    expect(types().slice(2)).toEqual(["REQUEST", "DISCOVER", "REQUEST"]);
    expect([stage.address, stage.lease.state]).toEqual(["192.0.2.10", DhcpState.BOUND]);
    expect(stage.events.map(({ names }) => names)).toEqual(["READABLE", "FAILED", "READABLE"]);
  });

  test("nobody answers: after five requests the lease that there was holds on", () => {
    server.on = false;
    stage.linkChanged(1);
    stage.run(200_000);
    expect(types().slice(2)).toEqual(new Array(5).fill("REQUEST"));
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.BOUND, OURS]);
    stage.run(3_600_000 - 200_000);
    // T1, T2 and the end are those of the lease.
    expect(stage.events.at(-1)).toEqual({ timeMs: 3_600_000, names: "FAILED" });
  });

  test("the lease ends meanwhile", () => {
    server.on = false;
    stage.run(3_590_000 - stage.timeMs);
    stage.linkChanged(1);
    stage.run(11_000);
    const lost = stage.events.at(-1);
    expect(lost?.names).toBe("FAILED");
    expect((lost?.timeMs ?? 0) - 3_600_000).toBeGreaterThanOrEqual(0);
    expect((lost?.timeMs ?? 0) - 3_600_000).toBeLessThan(1000);
    expect([stage.lease.state, stage.address]).toEqual([DhcpState.SELECTING, "0.0.0.0"]);
  });
});

describe("the end", () => {
  test("close: the server hears of it, and the address is not ours any more", () => {
    stage.open().run(10_000);
    const stale = stage.handle;
    expect(stage.abi.close(stage.handle)).toBe(Status.OK);
    expect(stage.abi.close(stage.handle)).toBe(Status.BAD_HANDLE);
    expect(stage.abi.open(5)).toBe(Status.NO_SOCKET);
    stage.run(1000);
    const release = stage.messages.at(-1);
    expect(release).toMatchObject({ type: "RELEASE", ciaddr: OURS, source: OURS, destination: "10.0.0.2" });
    expect([...(release?.options.keys() ?? [])]).toEqual([53, 61, 54]);
    expect([stage.address, server.leases.size]).toEqual(["0.0.0.0", 0]);
    expect(stage.abi.deadline(stage.now)).toBe(DEADLINE_NEVER);
    stage.open();
    expect(stage.handle).toBe(stale + 0x10000);
    stage.run(10_000);
    expect(stage.address).toBe(OURS);
  });

  test("close, and the server cannot be reached: the address goes all the same", () => {
    stage.open().run(70_000);
    stage.hosts = [];
    stage.abi.close(stage.handle);
    expect(stage.address).toBe(OURS);
    stage.run(10_000);
    expect([stage.address, types().length]).toEqual(["0.0.0.0", 2]);
    expect(stage.abi.deadline(stage.now)).toBe(DEADLINE_NEVER);
  });

  test("close, and the link comes back before it left: it leaves", () => {
    stage.open().run(70_000);
    stage.abi.close(stage.handle);
    stage.linkChanged(1);
    stage.run(1000);
    expect(types().slice(2)).toEqual(["RELEASE"]);
  });

  test("abort: not a word", () => {
    stage.open().run(10_000);
    expect(stage.abi.abort(stage.handle)).toBe(Status.OK);
    stage.run(10_000);
    expect([stage.address, types().length, server.leases.size]).toEqual(["0.0.0.0", 2, 1]);
  });

  test.each([0, 1000, 2])("close before there is a lease, after %i ms: not a word, and no probes", (ms) => {
    stage.open().run(ms);
    const before = stage.sent.length;
    stage.abi.close(stage.handle);
    stage.run(10_000);
    expect([stage.sent.length, stage.address]).toEqual([before, "0.0.0.0"]);
    expect(stage.abi.deadline(stage.now)).toBe(DEADLINE_NEVER);
  });

  test("an address of the application's is left alone", () => {
    const static_ = new Stage({ address: "10.0.0.1", netmask: "255.255.255.0" });
    static_.open().run(10_000);
    static_.abi.close(static_.handle);
    expect([static_.address, DEVICE.address]).toEqual(["10.0.0.1", "10.0.0.1"]);
  });
});
