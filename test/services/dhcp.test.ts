// Whole leases in virtual time: weeks on a network that loses, doubles and delays, with two servers of which one comes and goes.

import { describe, expect, test } from "vitest";
import { DhcpState } from "../../host/abi.js";
import { Prng } from "../../host/sim/prng.js";
import { quad } from "./dhcp_codec.js";
import { DhcpServer } from "./dhcp_server.js";
import { Stage } from "./dhcp_stage.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SEEDS = 100;

const first = () => new DhcpServer();
const second = () =>
  new DhcpServer({ address: "10.0.0.3", mac: "02:00:00:00:00:03", pool: ["10.0.0.200", "10.0.0.201"] });

test("eight weeks with leases of a day: one request each half a day, and no gap", () => {
  const stage = new Stage();
  const server = first();
  server.leaseSeconds = 86_400;
  stage.hosts = [server];
  stage.open().run(56 * DAY_MS + 60_000);
  expect([stage.address, stage.lease.state]).toEqual(["10.0.0.100", DhcpState.BOUND]);
  expect(stage.messages.length).toBeGreaterThanOrEqual(2 + 111);
  expect(stage.messages.length).toBeLessThanOrEqual(2 + 113);
  expect(new Set(stage.events.map(({ names }) => names))).toEqual(new Set(["READABLE"]));
});

test("another server, for another network: NAK, and an address of its", () => {
  const stage = new Stage();
  stage.hosts = [first()];
  stage.open().run(HOUR_MS / 4);
  const options = [
    [1, [255, 255, 255, 0]],
    [3, quad("192.0.2.254")],
  ] as const;
  stage.hosts = [new DhcpServer({ address: "192.0.2.2", pool: ["192.0.2.10"], options })];
  stage.run(HOUR_MS);
  expect([stage.address, stage.lease.state]).toEqual(["192.0.2.10", DhcpState.BOUND]);
  expect(stage.events.map(({ names }) => names)).toEqual(["READABLE", "FAILED", "READABLE"]);
  const renewals = stage.messages.slice(2).map(({ type, destination }) => [type, destination === "10.0.0.2"]);
  // Nobody answers ARP for the old server: only T2's request leaves.
  expect(renewals).toEqual([
    ["REQUEST", false],
    ["DISCOVER", false],
    ["REQUEST", false],
  ]);
});

/** What the network does to a frame. */
function badNetwork(prng: Prng): (frame: Uint8Array) => number[] {
  return () => {
    if (prng.chance(0.25)) return [];
    const copies = prng.chance(0.2) ? 2 : 1;
    return Array.from({ length: copies }, () => (prng.chance(0.1) ? prng.below(20_000) : 1 + prng.below(50)));
  };
}

describe("a bad network, two servers", () => {
  test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))("seed %i", (seed) => {
    const prng = new Prng(seed);
    const stage = new Stage({ seed: prng.bytes(32) });
    const servers = [first(), second()] as const;
    for (const server of servers) server.leaseSeconds = 120 + prng.below(7200);
    stage.hosts = [...servers];
    stage.delays = badNetwork(prng);
    stage.open();
    if (prng.chance(0.5)) stage.linkLocal();
    for (let turn = 0; turn < 20; turn++) {
      stage.run(prng.below(HOUR_MS));
      const [server, other] = prng.chance(0.5) ? servers : [servers[1], servers[0]];
      if (prng.chance(0.3)) server.on = !server.on;
      // Not for long without any.
      if (!server.on && !other.on) other.on = true;
      if (prng.chance(0.15)) stage.linkChanged(1);
      if (prng.chance(0.1)) server.leases.clear();
      check(stage, servers);
    }
    // All is well again: there is a lease within minutes, whatever went before.
    stage.delays = () => [1];
    for (const server of servers) server.on = true;
    stage.run(3 * HOUR_MS);
    expect([DhcpState.BOUND, DhcpState.RENEWING, DhcpState.REBINDING]).toContain(stage.lease.state);
    check(stage, servers);
    const granted = servers.find(({ leases }) => leases.has(stage.address));
    expect(granted?.leases.get(stage.address)?.untilMs).toBeGreaterThan(stage.timeMs);
    const { DHCP_MALFORMED, DHCP_REFUSED } = stage.core.counters();
    expect([DHCP_MALFORMED, DHCP_REFUSED]).toEqual([undefined, undefined]);
    stage.abi.close(stage.handle);
    stage.run(20_000);
    expect([stage.address, stage.messages.at(-1)?.type]).toEqual(["0.0.0.0", "RELEASE"]);
  });

  /** What holds at any time. */
  function check(stage: Stage, servers: readonly DhcpServer[]): void {
    const { address, lease } = stage;
    if (lease.state >= DhcpState.BOUND) {
      // An address that is in use was granted by a server, for as long as it is used.
      expect(address).toBe(Array.from(lease.address).join("."));
      expect(servers.some(({ pool }) => pool.includes(address))).toBe(true);
    } else expect(address === "0.0.0.0" || address.startsWith("169.254.")).toBe(true);
    // Nothing is sent more often than its time: a message a second in the mean would be a loop.
    expect(stage.messages.length).toBeLessThan(100 + stage.timeMs / 20_000);
  }
});

test("100 seeds of hostile answers: no trap, no lease that nobody granted, no storm", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const prng = new Prng(seed);
    const stage = new Stage({ seed: prng.bytes(32) });
    const server = first();
    // Every answer is damaged somewhere behind its UDP header; its checksum says "none".
    stage.hosts = [
      {
        receive: (frame, timeMs) =>
          server.receive(frame, timeMs).map((answer) => {
            if (answer[23] !== 17) return answer;
            const damaged = answer.slice();
            damaged[40] = damaged[41] = 0;
            for (let hits = 1 + prng.below(3); hits > 0; hits--)
              damaged[42 + prng.below(damaged.length - 42)] = prng.below(256);
            return damaged;
          }),
      },
    ];
    stage.open().run(2 * HOUR_MS);
    expect(stage.messages.length).toBeLessThan(2000);
    const { state } = stage.lease;
    if (state < DhcpState.BOUND) expect(stage.address).toBe("0.0.0.0");
  }
});
