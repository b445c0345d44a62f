import { describe, expect, test } from "vitest";
import { encodeTcp, TcpFlag, type TcpSpec } from "../../../host/packet/index.js";
import { ports, UnitCore } from "../core.js";

const FILE = "wire/tcp";
const core = new UnitCore(null);
const { check, headerBytes } = core.functions(FILE, "check", "headerBytes");
const AT = 4096;

function put(spec: Partial<TcpSpec> = {}): number {
  const addresses = { source: "10.0.0.2", destination: "10.0.0.1" };
  core.memory.set(encodeTcp({ sourcePort: 40000, destinationPort: 80, ...spec }, addresses), AT);
  return AT;
}

describe("check", () => {
  test("every data offset with every length", () => {
    for (let dataOffset = 0; dataOffset < 16; dataOffset++) {
      for (let length = 0; length <= 70; length++) {
        const wanted = dataOffset >= 5 && dataOffset * 4 <= length;
        const is = Boolean(check(put({ dataOffset }), length));
        if (is !== wanted) expect.fail(`offset ${dataOffset}, ${length} octets: ${is}`);
      }
    }
  });

  test("reserved bits and flags are no part of the data offset", () => {
    expect(headerBytes(put({ reserved: 7, flags: 0x1ff }))).toBe(20);
    expect(check(put({ reserved: 7, flags: 0x1ff }), 20)).toBe(true);
  });
});

test("headerBytes is the data offset in octets", () => {
  for (let dataOffset = 0; dataOffset < 16; dataOffset++)
    expect(headerBytes(put({ dataOffset }))).toBe(dataOffset * 4);
});

test("fields stand where RFC 9293 has them", () => {
  const view = core.record<Record<string, number>>(
    FILE,
    "TcpHeader",
    put({ seq: 0x01020304, ack: 0x05060708, flags: "SA", window: 0x090a, urgent: 0x0b0c }),
  );
  expect(view.ports).toBe(ports(40000, 80));
  expect([view.sequence, view.acknowledgment]).toEqual([0x04030201, 0x08070605]);
  expect([view.dataOffset, view.flags, view.window, view.urgent]).toEqual([0x50, 0x12, 0x0a09, 0x0c0b]);
  expect(core.sizeOf(FILE, "TcpHeader")).toBe(core.constant(FILE, "TCP_HEADER_BYTES"));
});

test.each(["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const)("%s", (name) => {
  expect(core.constant(FILE, name)).toBe(TcpFlag[name]);
});

test("the MSS option's constants", () => {
  put({ options: [{ kind: "mss", mss: 1460 }] });
  expect(core.memory[AT + 20]).toBe(core.constant(FILE, "OPTION_MSS"));
  expect(core.memory[AT + 21]).toBe(core.constant(FILE, "OPTION_MSS_BYTES"));
  put({ options: [{ kind: "nop" }, { kind: "end" }] });
  expect(core.memory[AT + 20]).toBe(core.constant(FILE, "OPTION_NOP"));
  expect(core.memory[AT + 21]).toBe(core.constant(FILE, "OPTION_END"));
});
