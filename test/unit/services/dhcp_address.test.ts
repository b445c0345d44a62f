// Which address is in use: `probeLease`, `isProbeDue`, `probeAgain`, `stopProbing`; `takeLease`, `forgetLease`, `forget`; and of RFC 3927 `fallBack`,
// `takeLinkLocal`, `changeLinkLocal`.

import { beforeEach, describe, expect, test } from "vitest";
import { DhcpState, Option, SocketKind, Status } from "../../../host/abi.js";
import { ArpOperation, BROADCAST_MAC, decode, formatIp } from "../../../host/packet/index.js";
import { type DhcpOption, quad, u16 } from "../../services/dhcp_codec.js";
import { DhcpServer, type NetworkHost } from "../../services/dhcp_server.js";
import { Stage } from "../../services/dhcp_stage.js";
import { address, frameOf, PEER } from "../core.js";

const OTHER_MAC = "02:00:00:00:00:07";

let stage: Stage;
let server: DhcpServer;

beforeEach(() => {
  stage = new Stage();
  server = new DhcpServer();
  stage.hosts = [server];
});

const linkLocal = () => formatIp(stage.lease.linkLocal);

/** Somebody else says that `senderIp` is his. */
function claim(senderIp: string, targetIp = senderIp): void {
  stage.give(frameOf({ arp: { operation: ArpOperation.REQUEST, senderMac: OTHER_MAC, senderIp, targetIp } }));
  stage.run(0);
}

describe("a lease", () => {
  const options = (...more: DhcpOption[]): DhcpOption[] => [[1, [255, 255, 255, 0]], ...more];

  test.each([
    [576, 576],
    [1400, 1400],
    [1500, 1500],
    [1501, 1500],
    [9000, 1500],
    [575, 1500],
    [68, 1500],
  ])("an MTU of %i: %i", (said, used) => {
    server.options = options([26, u16(said)]);
    stage.open().run(10_000);
    expect([stage.lease.mtu, stage.config.mtu]).toEqual([said, used]);
    stage.abi.close(stage.handle);
    stage.run(10_000);
    expect(stage.config.mtu).toBe(1500);
  });

  test("never above what the configuration has room for", () => {
    stage = new Stage({ mtu: 600 });
    stage.hosts = [server];
    server.options = options([26, u16(601)]);
    stage.open().run(10_000);
    expect(stage.config.mtu).toBe(600);
  });

  test("DNS servers: those of the lease, and before and after it the configuration's", () => {
    stage = new Stage({ dnsServer0: Uint8Array.from(quad("192.0.2.53")) });
    stage.hosts = [server];
    expect(stage.dnsServers).toEqual(["192.0.2.53", "0.0.0.0"]);
    server.options = options([6, [...quad("10.0.0.3"), ...quad("10.0.0.4")]]);
    stage.open().run(10_000);
    expect(stage.dnsServers).toEqual(["10.0.0.3", "10.0.0.4"]);
    // A renewal that names none.
    server.options = options();
    stage.run(1_800_000);
    expect(stage.dnsServers).toEqual(["192.0.2.53", "0.0.0.0"]);
    server.options = options([6, quad("10.0.0.5")]);
    stage.run(1_800_000);
    expect(stage.dnsServers).toEqual(["10.0.0.5", "0.0.0.0"]);
    stage.abi.close(stage.handle);
    stage.run(10_000);
    expect(stage.dnsServers).toEqual(["192.0.2.53", "0.0.0.0"]);
  });

  test("connections end with the address, and outlive a renewal that changes the network's size", () => {
    stage.open().run(10_000);
    const handle = connect();
    stage.run(100);
    const error = () => {
      const at = stage.core.header.exchange;
      stage.abi.getopt(handle, Option.ERROR, at, 4);
      return stage.core.view.getInt32(at, true);
    };
    server.options = [
      [1, [255, 255, 0, 0]],
      [3, quad("10.0.0.253")],
    ];
    stage.run(1_800_000);
    expect([formatIp(stage.config.netmask), formatIp(stage.config.gateway)]).toEqual([
      "255.255.0.0",
      "10.0.0.253",
    ]);
    expect(error()).not.toBe(Status.ABORTED);
    const second = connect();
    stage.abi.close(stage.handle);
    stage.run(10_000);
    const at = stage.core.header.exchange;
    stage.abi.getopt(second, Option.ERROR, at, 4);
    expect(stage.core.view.getInt32(at, true)).toBe(Status.ABORTED);
  });

  test("a static address gives way to a lease, and the server is asked for broadcasts meanwhile", () => {
    stage = new Stage({ address: "10.0.0.1", netmask: "255.255.255.0", gateway: "10.0.0.254" });
    stage.hosts = [server];
    stage.open().run(10_000);
    expect(stage.messages.map(({ broadcast, source }) => [broadcast, source])).toEqual([
      [true, "0.0.0.0"],
      [true, "0.0.0.0"],
    ]);
    expect(stage.address).toBe("10.0.0.100");
  });

  test("of the very address that there is needs no probes", () => {
    stage = new Stage({ address: "10.0.0.100", netmask: "255.255.255.0" });
    stage.hosts = [server];
    stage.open().run(5);
    expect([stage.lease.state, formatIp(stage.config.gateway)]).toEqual([DhcpState.BOUND, "10.0.0.254"]);
    expect(stage.arps.some((arp) => arp.includes(" 0.0.0.0 "))).toBe(false);
  });

  /** A connection that is about to be opened to PEER. */
  function connect(): number {
    const handle = stage.abi.open(SocketKind.STREAM);
    const { connect } = stage.core.functions("abi", "connect");
    const at = stage.core.header.exchange;
    stage.core.memory.fill(0, at, at + 24);
    stage.core.view.setUint16(at, 1, true);
    stage.core.view.setUint16(at + 2, 80, true);
    stage.core.view.setUint32(at + 8, address(PEER.address), true);
    expect(connect(handle, at)).toBe(Status.OK);
    return handle;
  }
});

describe("a link-local address (RFC 3927)", () => {
  beforeEach(() => {
    server.on = false;
    stage.open();
  });

  /** The first probe is out. */
  function toProbing(): void {
    stage.linkLocal();
    const before = stage.arps.length;
    while (stage.arps.length === before) stage.run(100);
  }

  test("is not taken unless it is wanted", () => {
    stage.run(120_000);
    expect([stage.address, stage.arps]).toEqual(["0.0.0.0", []]);
  });

  test("two DISCOVERs without an answer, three probes, and it is ours; DHCP goes on", () => {
    stage.linkLocal().run(60_000);
    expect(stage.address).toMatch(/^169\.254\.\d+\.\d+$/);
    expect([stage.address, formatIp(stage.config.netmask), formatIp(stage.config.gateway)]).toEqual([
      ...[linkLocal(), "255.255.0.0", "0.0.0.0"],
    ]);
    const third = stage.messages[2];
    const arps = stage.arps.map((arp) => arp.split(" "));
    expect(arps.map(([, sender]) => sender)).toEqual([
      ...["0.0.0.0", "0.0.0.0", "0.0.0.0"],
      ...[stage.address, stage.address],
    ]);
    expect(new Set(arps.map(([, , , target]) => target))).toEqual(new Set([stage.address]));
    const times = arps.map(([time]) => Number(time)) as [number, number, number, number, number];
    const gap = (index: number) => (times[index] as number) - (times[index - 1] as number);
    // PROBE_WAIT, PROBE_MIN to PROBE_MAX, ANNOUNCE_WAIT, ANNOUNCE_INTERVAL.
    expect(times[0] - (third?.timeMs ?? 0)).toBeGreaterThanOrEqual(0);
    expect(times[0] - (third?.timeMs ?? 0)).toBeLessThan(1000);
    for (const index of [1, 2]) {
      expect(gap(index)).toBeGreaterThanOrEqual(1000);
      expect(gap(index)).toBeLessThan(2000);
    }
    expect([gap(3), gap(4)]).toEqual([2000, 2000]);
    expect(stage.events).toEqual([{ timeMs: times[3], names: "READABLE" }]);
    expect(stage.lease.state).toBe(DhcpState.SELECTING);
    const before = stage.messages.length;
    stage.run(120_000);
    expect(stage.messages.length).toBeGreaterThan(before);
    // What comes for the offered address would not be heard.
    expect(stage.messages.at(-1)).toMatchObject({ broadcast: true, source: "0.0.0.0" });
  });

  test("the MAC decides which: the same again, another for another MAC; all between 1.0 and 254.255", () => {
    const addresses = Array.from({ length: 40 }, (_, index) => {
      const one = new Stage({ seed: Uint8Array.from({ length: 32 }, (_, octet) => octet + index) });
      one.core.memory[196 + 5] = index >> 1;
      return formatIp(one.open().linkLocal().run(60_000).config.address);
    });
    for (let index = 0; index < 40; index += 2) expect(addresses[index]).toBe(addresses[index + 1]);
    expect(new Set(addresses).size).toBe(20);
    for (const text of addresses) {
      const third = Number(text.split(".")[2]);
      expect(third).toBeGreaterThanOrEqual(1);
      expect(third).toBeLessThanOrEqual(254);
    }
  });

  test("somebody has it: another is probed; after ten, one a minute", () => {
    const probed = new Set<string>();
    const times: number[] = [];
    const everybody: NetworkHost = {
      receive: (frame, timeMs) => {
        const packet = decode(frame);
        if (packet.kind !== "arp" || packet.arp.senderIp !== "0.0.0.0") return [];
        probed.add(packet.arp.targetIp);
        times.push(timeMs);
        return [
          frameOf({
            arp: { operation: 2, senderMac: OTHER_MAC, senderIp: packet.arp.targetIp, targetIp: "0.0.0.0" },
          }),
        ];
      },
    };
    stage.hosts.push(everybody);
    stage.linkLocal().run(600_000);
    expect(stage.address).toBe("0.0.0.0");
    expect(probed.size).toBe(times.length);
    for (let index = 1; index < times.length; index++) {
      const gap = (times[index] as number) - (times[index - 1] as number);
      if (index < 10) expect(gap).toBeLessThan(1010);
      else expect(gap).toBeGreaterThanOrEqual(60_000);
    }
    expect(times.length).toBeGreaterThan(15);
    expect(stage.core.counters().ARP_CONFLICTS).toBe(times.length);
  });

  test("somebody probes it, too", () => {
    toProbing();
    const candidate = stage.arps[0]?.split(" ")[3] as string;
    claim("0.0.0.0", candidate);
    stage.run(20_000);
    expect(stage.address).toMatch(/^169\.254\./);
    expect(stage.address).not.toBe(candidate);
  });

  test("in use it is defended once, and given up for the second conflict within ten seconds (section 2.5)", () => {
    stage.linkLocal().run(60_000);
    const first = stage.address;
    claim(first);
    expect(stage.address).toBe(first);
    expect(stage.arps.at(-1)).toBe(`${stage.timeMs} ${first} > ${first}`);
    stage.run(15_000);
    claim(first);
    expect(stage.address).toBe(first);
    stage.run(5000);
    claim(first);
    expect([stage.address, linkLocal()]).toEqual(["0.0.0.0", "0.0.0.0"]);
    expect(stage.events.at(-1)?.names).toBe("FAILED");
    stage.run(10_000);
    expect(stage.address).toMatch(/^169\.254\./);
    expect(stage.address).not.toBe(first);
  });

  test("what ARP says of it everybody hears (section 2.5)", () => {
    stage.linkLocal().run(60_000);
    stage.give(
      frameOf({
        arp: { operation: 1, senderMac: OTHER_MAC, senderIp: "169.254.9.9", targetIp: stage.address },
      }),
    );
    stage.run(0);
    const reply = decode(stage.sent.at(-1)?.frame as Uint8Array);
    expect(reply.kind === "arp" && [reply.ethernet.destination, reply.arp.operation]).toEqual([
      BROADCAST_MAC,
      2,
    ]);
  });

  test("a lease takes its place, and nothing of it is left", () => {
    stage.linkLocal().run(60_000);
    server.on = true;
    stage.run(90_000);
    expect([stage.address, linkLocal(), stage.lease.state]).toEqual([
      "10.0.0.100",
      "0.0.0.0",
      DhcpState.BOUND,
    ]);
    claim("10.0.0.100");
    claim("10.0.0.100");
    claim("10.0.0.100");
    expect(stage.address).toBe("10.0.0.100");
  });

  test("a lease that comes while it is probed", () => {
    toProbing();
    const sinceMs = stage.timeMs;
    server.on = true;
    const last = stage.messages.at(-1);
    if (!last) return expect.fail("no message");
    stage.give(server.say(last, "OFFER", "10.0.0.100"));
    stage.run(10_000);
    expect(stage.address).toBe("10.0.0.100");
    expect(stage.arps.some((arp) => arp.includes("169.254") && Number.parseInt(arp, 10) > sinceMs)).toBe(
      false,
    );
  });

  test("after a lease that ended it is taken again", () => {
    server.on = true;
    stage.linkLocal().run(10_000);
    expect(stage.address).toBe("10.0.0.100");
    server.on = false;
    stage.run(3_700_000);
    expect(stage.address).toMatch(/^169\.254\./);
    expect(stage.events.map(({ names }) => names)).toEqual(["READABLE", "FAILED", "READABLE"]);
  });

  test("close forgets it; and stops its probes", () => {
    stage.linkLocal().run(60_000);
    stage.abi.close(stage.handle);
    expect(stage.address).toBe("0.0.0.0");
    stage.open();
    toProbing();
    const before = stage.arps.length;
    stage.abi.close(stage.handle);
    stage.run(10_000);
    expect([stage.arps.length, stage.address]).toEqual([before, "0.0.0.0"]);
  });
});
