import { expect, test } from "vitest";
import {
  ConfigLayout,
  type Endpoint,
  EndpointLayout,
  type RecordLayout,
  TcpInfoLayout,
} from "../../host/abi.js";
import { readRecord, writeRecord } from "../../host/records.js";
import { hex } from "../packet/bytes.js";

interface Sample {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
  g: number;
  octets: Uint8Array;
}

const SAMPLE: RecordLayout<Sample> = {
  size: 32,
  fields: {
    a: { offset: 0, type: "u8", count: 1 },
    b: { offset: 1, type: "i8", count: 1 },
    c: { offset: 2, type: "u16", count: 1 },
    d: { offset: 4, type: "i16", count: 1 },
    octets: { offset: 6, type: "octets", count: 6 },
    e: { offset: 12, type: "u32", count: 1 },
    f: { offset: 16, type: "i32", count: 1 },
    g: { offset: 24, type: "u64", count: 1 },
  },
};

// Every type, little-endian, with the gap at 20 left zero.
const OCTETS = hex("ff fe 0180 0080 010203040506 efbeadde feffffff 00000000 0000000000000100");
const VALUES: Sample = {
  a: 255,
  b: -2,
  c: 0x8001,
  d: -32768,
  octets: Uint8Array.of(1, 2, 3, 4, 5, 6),
  e: 0xdeadbeef,
  f: -2,
  g: 2 ** 48,
};

test("a record is written little-endian, octets as they stand, at its address only", () => {
  const memory = new Uint8Array(40).fill(0xaa);
  writeRecord(memory, 4, SAMPLE, VALUES);
  expect(memory.subarray(4, 36)).toEqual(OCTETS);
  expect([...memory.subarray(0, 4), ...memory.subarray(36)].every((octet) => octet === 0xaa)).toBe(true);
});

test("a record is read back by type and sign", () => {
  const memory = new Uint8Array(40);
  memory.set(OCTETS, 8);
  expect(readRecord(memory, 8, SAMPLE)).toEqual(VALUES);
});

test("a view of memory that does not begin at its buffer's start is respected", () => {
  const buffer = new Uint8Array(64);
  const memory = buffer.subarray(16);
  writeRecord(memory, 8, SAMPLE, VALUES);
  expect(buffer.subarray(24, 56)).toEqual(OCTETS);
  expect(readRecord(memory, 8, SAMPLE)).toEqual(VALUES);
});

test("octets that are read are a copy", () => {
  const memory = OCTETS.slice();
  const { octets } = readRecord(memory, 0, SAMPLE);
  memory.fill(0);
  expect(octets).toEqual(VALUES.octets);
});

test("fields that are not named become zero, and a short octet array is padded with zeros", () => {
  const memory = new Uint8Array(32).fill(0xaa);
  writeRecord(memory, 0, SAMPLE, { e: 1, octets: Uint8Array.of(9) });
  expect(memory).toEqual(hex("00000000 0000 090000000000 01000000 0000000000000000 0000000000000000"));
});

test("what does not fit a record is refused", () => {
  const memory = new Uint8Array(32);
  expect(() => writeRecord(memory, 0, SAMPLE, { octets: new Uint8Array(7) })).toThrow(RangeError);
  expect(() => writeRecord(memory, 0, SAMPLE, { a: new Uint8Array(1) } as never)).toThrow(RangeError);
  expect(() => writeRecord(memory, 0, SAMPLE, { octets: 5 } as never)).toThrow(TypeError);
  expect(() => writeRecord(memory, 0, SAMPLE, { z: 5 } as never)).toThrow(/no field "z"/);
  expect(() => writeRecord(memory, 1, SAMPLE, VALUES)).toThrow(RangeError);
  expect(() => readRecord(memory, 1, SAMPLE)).toThrow(RangeError);
});

test("an Endpoint lies as the core reads it", () => {
  const memory = new Uint8Array(EndpointLayout.size);
  writeRecord<Endpoint>(memory, 0, EndpointLayout, {
    family: 1,
    port: 80,
    address: Uint8Array.of(10, 0, 0, 1),
  });
  expect(memory).toEqual(hex("0100 5000 00000000 0a000001 000000000000000000000000"));
});

test.each([
  ["Config", ConfigLayout],
  ["Endpoint", EndpointLayout],
  ["TcpInfo", TcpInfoLayout],
] as const)("the fields of %s lie side by side in their record, each aligned", (_name, layout) => {
  const widths = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, u64: 8, octets: 1 };
  let end = 0;
  for (const { offset, type, count } of Object.values(layout.fields)) {
    expect(offset).toBe(end);
    expect(offset % widths[type]).toBe(0);
    end = offset + widths[type] * count;
  }
  expect(layout.size).toBe(end);
});
