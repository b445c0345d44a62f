import { describe, expect, test } from "vitest";
import { Prng } from "../../../host/sim/prng.js";
import { address, DEVICE, ports, UnitCore } from "../core.js";
import { sipHash24 } from "../siphash.js";

const SEED = Uint8Array.from({ length: 32 }, (_, index) => 200 - index);

function booted(now: number, seed = SEED) {
  const core = new UnitCore({ seed }, now);
  const { initialSequence } = core.functions("tcp/isn", "initialSequence");
  return (remote: string, key: number) => initialSequence(address(remote), key);
}

/** RFC 6528: ISN = M + F(localip, localport, remoteip, remoteport, secretkey). */
function oracle(remote: string, key: number, now: number, seed = SEED): number {
  const message = Uint32Array.from([address(remote), key, address(DEVICE.address)]);
  const hash = sipHash24(seed.subarray(0, 16), new Uint8Array(message.buffer));
  return Number((hash + BigInt(now) * 250n) & 0xffffffffn);
}

test("is RFC 6528's with SipHash-2-4 for F and a tick of 4 microseconds for M", () => {
  const prng = new Prng(1);
  for (let round = 0; round < 500; round++) {
    const remote = prng.bytes(4).join(".");
    const key = ports(prng.below(65536), prng.below(65536));
    const now = prng.next();
    expect(booted(now)(remote, key)).toBe(oracle(remote, key, now));
  }
});

describe("of one pair of ends", () => {
  test("moves with the clock only: 250,000 a second", () => {
    const first = booted(1000)("10.0.0.2", ports(40000, 80));
    expect(booted(1000)("10.0.0.2", ports(40000, 80))).toBe(first);
    expect((booted(2000)("10.0.0.2", ports(40000, 80)) - first) >>> 0).toBe(250000);
  });
});

test("any other end, or another key, has another sequence space", () => {
  const at = booted(1000);
  const other = SEED.slice();
  other[15] = 0;
  const numbers = [
    at("10.0.0.2", ports(40000, 80)),
    at("10.0.0.3", ports(40000, 80)),
    at("10.0.0.2", ports(40001, 80)),
    at("10.0.0.2", ports(40000, 81)),
    at("10.0.0.2", ports(80, 40000)),
    booted(1000, other)("10.0.0.2", ports(40000, 80)),
  ];
  // Not merely different: no plain function of the other.
  for (const [index, a] of numbers.entries())
    for (const b of numbers.slice(0, index))
      expect(Math.min((a - b) >>> 0, (b - a) >>> 0)).toBeGreaterThan(65536);
});

test("the ephemeral range is RFC 6335's, 49152 to 65535", () => {
  const core = new UnitCore(null);
  const first = core.constant("net/socket", "EPHEMERAL_FIRST");
  expect(first).toBe(49152);
  expect(first + core.constant("net/socket", "EPHEMERAL_PORTS") - 1).toBe(65535);
});
