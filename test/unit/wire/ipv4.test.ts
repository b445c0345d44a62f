import { describe, expect, test } from "vitest";
import { encodeIpv4, type Ipv4Spec } from "../../../host/packet/index.js";
import { address, UnitCore } from "../core.js";

const FILE = "wire/ipv4";
const core = new UnitCore(null);
const { check, headerBytes, totalBytes } = core.functions(FILE, "check", "headerBytes", "totalBytes");
const AT = 4096;

function put(spec: Partial<Ipv4Spec> = {}): number {
  const packet = encodeIpv4({
    source: "10.0.0.2",
    destination: "10.0.0.1",
    protocol: 6,
    payload: new Uint8Array(20),
    ...spec,
  });
  core.memory.set(packet, AT);
  return AT;
}

describe("check", () => {
  test("every IHL with every total length near its edges", () => {
    for (let ihl = 0; ihl < 16; ihl++) {
      for (let total = 0; total <= 80; total++) {
        for (const available of [0, 19, 20, total - 1, total, total + 1, 1500]) {
          if (available < 0) continue;
          const wanted = ihl >= 5 && total >= ihl * 4 && total <= available;
          const is = Boolean(check(put({ ihl, totalBytes: total }), available));
          if (is !== wanted) expect.fail(`IHL ${ihl}, total ${total} of ${available}: ${is}`);
        }
      }
    }
  });

  test.each([0, 3, 5, 6, 15])("version %i is not 4", (version) => {
    expect(check(put({ version }), 40)).toBe(false);
  });

  test("the largest total length lies unless it is there", () => {
    expect(check(put({ totalBytes: 65535 }), 1500)).toBe(false);
    expect(check(put({ totalBytes: 65535 }), 65535)).toBe(true);
  });

  test("lengths are read in the network's order", () => {
    // 0x0028 the wrong way round is 10240.
    expect(check(put({ totalBytes: 0x2800 }), 40)).toBe(false);
  });
});

test("headerBytes and totalBytes are what the header says", () => {
  for (let ihl = 0; ihl < 16; ihl++) expect(headerBytes(put({ ihl }))).toBe(ihl * 4);
  for (const total of [0, 1, 255, 256, 576, 1500, 65535])
    expect(totalBytes(put({ totalBytes: total }))).toBe(total);
});

test("fields stand where RFC 791 has them", () => {
  const view = core.record<Record<string, number>>(FILE, "Ipv4Header", put({ ttl: 7, tos: 9 }));
  expect([view.versionIhl, view.tos, view.ttl, view.protocol]).toEqual([0x45, 9, 7, 6]);
  expect([view.source, view.destination]).toEqual([address("10.0.0.2"), address("10.0.0.1")]);
  expect(core.sizeOf(FILE, "Ipv4Header")).toBe(core.constant(FILE, "IPV4_HEADER_BYTES"));
});

describe("the fragment field", () => {
  const isFragment = (spec: Partial<Ipv4Spec>) => {
    const view = core.record<{ fragment: number }>(FILE, "Ipv4Header", put(spec));
    return (view.fragment & core.constant(FILE, "FRAGMENT_MASK")) !== 0;
  };

  test("the mask takes the offset's 13 bits and MF, and neither DF nor the reserved bit", () => {
    for (let bit = 0; bit < 13; bit++) expect(isFragment({ fragmentOffset: 8 << bit })).toBe(true);
    expect(isFragment({ moreFragments: true })).toBe(true);
    expect(isFragment({ dontFragment: true })).toBe(false);
    expect(isFragment({ reservedFlag: true })).toBe(false);
  });

  test("DONT_FRAGMENT is DF as stored", () => {
    const view = core.record<{ fragment: number }>(FILE, "Ipv4Header", put({ dontFragment: true }));
    expect(view.fragment).toBe(core.constant(FILE, "DONT_FRAGMENT"));
  });
});
