// The pcapng writer and reader: against each other, against octets written by hand in both byte orders, and the writer
// against tshark.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { encode, IcmpType } from "../../host/packet/index.js";
import { BLOCK_MAX, BlockType, Direction } from "../../host/pcapng/format.js";
import { type Block, PcapngReader, sourceOf } from "../../host/pcapng/reader.js";
import { PcapngWriter } from "../../host/pcapng/writer.js";
import { Prng } from "../../host/sim/prng.js";
import { missingTools } from "../report/tools.js";

const folder = mkdtempSync(join(tmpdir(), "ferrule-pcapng-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LOCAL = BlockType.LOCAL + 7;
const MACS = { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" };

/** Collects what a writer gives out. */
function collect() {
  const parts: Buffer[] = [];
  const sink = (bytes: Uint8Array) => void parts.push(Buffer.from(bytes));
  return { sink, file: () => Buffer.concat(parts) };
}

function blocksOf(file: Uint8Array): { blocks: Block[]; reader: PcapngReader } {
  const reader = new PcapngReader(sourceOf(file));
  const blocks: Block[] = [];
  for (let block = reader.next(); block; block = reader.next())
    blocks.push({ ...block, octets: block.octets.slice(), body: block.body.slice() });
  return { blocks, reader };
}

/** A file with two interfaces, five packets and a block of our own. */
function sample(): Buffer {
  const { sink, file } = collect();
  const originNs = 1_700_000_000_123_456_789n;
  const writer = new PcapngWriter(sink, {
    application: "Ferrule",
    os: "none",
    comment: "a comment",
    originNs,
  });
  const left = writer.addInterface({ name: "left", description: "the left end" });
  const right = writer.addInterface({ name: "right", snapLength: 60, hardware: "a wire" });
  for (let number = 0; number < 4; number++)
    writer.packet({
      interface: number % 2 ? right : left,
      timeMs: number * 0.000_001 + number * 5000,
      frame: echo(51 + number),
      direction: number % 2 ? Direction.OUTBOUND : Direction.INBOUND,
      comment: number === 2 ? "dropped: IP_CHECKSUM, ü" : undefined,
    });
  writer.begin(LOCAL, 8);
  writer.putBytes(Uint8Array.of(1, 2, 3, 4, 5));
  writer.end();
  writer.packet({ interface: left, timeMs: 1, frame: new Uint8Array(0), originalLength: 9000 });
  writer.close();
  return file();
}

/** An ICMP echo request with `bytes` octets of data. */
function echo(bytes: number): Uint8Array {
  return encode({
    link: MACS,
    ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
    icmp: { type: IcmpType.ECHO_REQUEST, payload: new Uint8Array(bytes) },
  });
}

describe("what is written is read", () => {
  test("interfaces, packets and blocks of our own", () => {
    const { blocks, reader } = blocksOf(sample());
    expect(
      reader.interfaces.map(({ name, description, snapLength }) => [name, description, snapLength]),
    ).toEqual([
      ["left", "the left end", 0],
      ["right", "", 60],
    ]);
    const packets = blocks
      .filter(({ type }) => type === BlockType.PACKET)
      .map((block) => reader.packet(block));
    expect(packets.map(({ timeNs }) => timeNs - 1_700_000_000_123_456_789n)).toEqual([
      0n,
      5_000_000_001n,
      10_000_000_002n,
      15_000_000_003n,
      1_000_000n,
    ]);
    expect(packets.map((packet) => packet.direction)).toEqual([1, 2, 1, 2, 0]);
    expect(packets.map((packet) => packet.interface)).toEqual([0, 1, 0, 1, 0]);
    expect(packets[2]?.comments).toEqual(["dropped: IP_CHECKSUM, ü"]);
    expect(packets[0]?.frame).toEqual(echo(51));
    expect([packets[3]?.frame.length, packets[3]?.originalLength]).toEqual([60, echo(54).length]);
    expect([packets[4]?.frame.length, packets[4]?.originalLength]).toEqual([0, 9000]);
    expect(blocks.find(({ type }) => type === LOCAL)?.body).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0));
    expect(blocks.map(({ damage }) => damage)).toEqual(blocks.map(() => undefined));
  });

  test("batches are of whole blocks, and a block longer than a batch is one by itself", () => {
    const lengths: number[] = [];
    const all = collect();
    const writer = new PcapngWriter((bytes) => {
      lengths.push(
        blocksOf(Buffer.concat([headOf(), bytes.subarray(lengths.length ? 0 : 28)])).blocks.length,
      );
      all.sink(bytes);
    });
    const number = writer.addInterface({ name: "x" });
    for (let frame = 0; frame < 300; frame++)
      writer.packet({
        interface: number,
        timeMs: frame,
        frame: new Uint8Array(frame === 200 ? 200_000 : 1514),
      });
    writer.close();
    expect(lengths.length).toBeGreaterThan(5);
    expect(blocksOf(all.file()).blocks.length).toBe(302);
    expect(writer.bytes).toBe(all.file().length);
  });

  test("a sink that fails ends it with one message", () => {
    const messages: string[] = [];
    let calls = 0;
    const sink = () => {
      if (++calls > 1) throw new Error("the disk is full");
    };
    const writer = new PcapngWriter(sink, { onError: ({ message }) => messages.push(message) });
    const number = writer.addInterface({ name: "x" });
    for (let frame = 0; frame < 300; frame++)
      writer.packet({ interface: number, timeMs: frame, frame: new Uint8Array(1514) });
    writer.close();
    expect({ calls, messages, isOpen: writer.isOpen }).toEqual({
      calls: 2,
      messages: ["the disk is full"],
      isOpen: false,
    });
  });

  test("misuse has an error", () => {
    const writer = new PcapngWriter(() => {});
    const packet = { interface: 0, timeMs: 0, frame: new Uint8Array(1) };
    expect(() => writer.packet(packet)).toThrow("there is no interface 0");
    expect(() => writer.begin(LOCAL, BLOCK_MAX)).toThrow("write it in parts");
  });
});

/** A Section Header Block without options. */
function headOf(): Buffer {
  const { sink, file } = collect();
  new PcapngWriter(sink).close();
  return file();
}

/** A section, an interface with stamps in microseconds by default, and a packet, in one byte order. */
function byHand(littleEndian: boolean, options: number[] = []): Uint8Array {
  const words = [0x0a0d0d0a, 28, 0x1a2b3c4d, littleEndian ? 1 : 0x10000, 0xffffffff, 0xffffffff, 28];
  words.push(1, 20 + options.length * 4, littleEndian ? 1 : 0x10000, 0, ...options, 20 + options.length * 4);
  words.push(6, 36, 0, 1, 2, 4, 4, 0, 36);
  const view = new DataView(new ArrayBuffer(words.length * 4));
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, littleEndian);
  return new Uint8Array(view.buffer);
}

describe("files of others", () => {
  test.each([true, false])("little-endian: %s", (littleEndian) => {
    const { blocks, reader } = blocksOf(byHand(littleEndian));
    const packet = reader.packet(blocks[2] as Block);
    expect([packet.timeNs, packet.frame.length, reader.interfaces[0]?.linkType]).toEqual([
      (2n ** 32n + 2n) * 1000n,
      4,
      1,
    ]);
  });

  test.each([
    ["if_tsresol 2^-4", [0x0001_0009, 0x84], ((2n ** 32n + 2n) * 1_000_000_000n) / 16n],
    ["if_tsresol 10^0", [0x0001_0009, 0], (2n ** 32n + 2n) * 1_000_000_000n],
    ["if_tsoffset 3 s", [0x0008_000e, 3, 0], (2n ** 32n + 2n) * 1000n + 3_000_000_000n],
  ] as const)("%s", (_name, options, timeNs) => {
    const { blocks, reader } = blocksOf(byHand(true, [...options]));
    expect(reader.packet(blocks[2] as Block).timeNs).toBe(timeNs);
  });

  test("two sections of both byte orders in one file", () => {
    const { blocks, reader } = blocksOf(Buffer.concat([byHand(true), byHand(false)]));
    expect(blocks.map(({ littleEndian }) => littleEndian)).toEqual([true, true, true, false, false, false]);
    expect(reader.interfaces.length).toBe(1);
  });
});

describe("files that are broken", () => {
  const file = sample();
  const { blocks } = blocksOf(file);

  test("no pcapng, no magic, another version, no file", () => {
    expect(() => blocksOf(Buffer.from("GET / HTTP/1.1\r\n\r\n"))).toThrow(
      "at offset 0: this is not a pcapng file",
    );
    const noMagic = Buffer.from(file);
    noMagic[8] = 0;
    expect(() => blocksOf(noMagic)).toThrow(
      "at offset 0: a Section Header Block without its byte-order magic",
    );
    const other = Buffer.from(file);
    other[12] = 2;
    expect(() => blocksOf(other)).toThrow("pcapng of version 2");
    expect(blocksOf(new Uint8Array(0)).blocks).toEqual([]);
  });

  test("cut off anywhere: whole blocks are read, and where it breaks off is told", () => {
    for (let length = 1; length < file.length; length++) {
      const { blocks: left, reader } = blocksOf(file.subarray(0, length));
      const whole = blocks.filter((block) => block.offset + block.length <= length);
      expect([left.length, reader.cutAt], `${length}`).toEqual([
        whole.length,
        whole.some((block) => block.offset + block.length === length)
          ? undefined
          : (whole.at(-1)?.offset ?? 0) + (whole.at(-1)?.length ?? 0),
      ]);
    }
  });

  test("a damaged length, at either end of a block: the others are read nevertheless", () => {
    for (const [index, block] of blocks.entries())
      for (const at of [
        block.offset + 4,
        block.offset + 5,
        block.offset + 6,
        block.offset + block.length - 3,
      ]) {
        const damaged = Buffer.from(file);
        damaged[at] = (damaged[at] as number) ^ 0x40;
        const read = blocksOf(damaged).blocks;
        expect(read.map(({ length }) => length)).toEqual(blocks.map(({ length }) => length));
        expect(read.findIndex(({ damage }) => damage)).toBe(index);
      }
  });

  test("a claimed length allocates nothing, and an impossible one is an error", () => {
    const claim = (length: number) => {
      const lie = Buffer.from(file);
      lie.writeUInt32LE(length, (blocks[1] as Block).offset + 4);
      // So that its end cannot be found either.
      lie.writeUInt32LE(1, (blocks[1] as Block).offset + (blocks[1] as Block).length - 4);
      return blocksOf(lie);
    };
    expect(claim(8_000_000).reader.cutAt).toBe((blocks[1] as Block).offset);
    expect(() => claim(0x7fffffff)).toThrow("cannot have a length of 2147483647");
    expect(() => claim(0)).toThrow("cannot have a length of 0");
  });

  test("packets and options whose lengths lie", () => {
    const { blocks, reader } = blocksOf(sample());
    const packet = blocks.find(({ type }) => type === BlockType.PACKET) as Block;
    const change = (at: number, value: number) => {
      const body = packet.body.slice();
      new DataView(body.buffer).setUint32(at, value, true);
      return () => reader.packet({ ...packet, body });
    };
    expect(change(12, 0xffffffff)).toThrow("a packet of 4294967295 octets in a block");
    expect(change(0, 2)).toThrow("a packet of interface 2, which is not declared");
    expect(change(packet.body.length - 12, 0xfff00002)).toThrow("option 2 of 65520 octets");
    expect(() => reader.packet({ ...packet, body: packet.body.subarray(0, 16) })).toThrow(
      "a packet block of",
    );
  });

  test("more options than anybody needs are an error: each costs far more memory than the file says", () => {
    const { blocks, reader } = blocksOf(sample());
    const packet = blocks.find(({ type }) => type === BlockType.PACKET) as Block;
    const withComments = (count: number) => {
      const options = Buffer.alloc(4 * count);
      for (let at = 0; at < options.length; at += 4) options.writeUInt16LE(1, at);
      const head = Buffer.alloc(20);
      return () => reader.packet({ ...packet, body: Buffer.concat([head, options]) });
    };
    expect(withComments(1000)().comments.length).toBe(1000);
    expect(withComments(1001)).toThrow("a block with more than 1000 options");
  });

  test("20,000 files with random damage: each is read to an end, or has an error with its offset", () => {
    const prng = new Prng(1);
    let errors = 0;
    for (let round = 0; round < 20_000; round++) {
      const bad = Buffer.from(file);
      for (let count = prng.below(8); count >= 0; count--)
        bad[prng.below(bad.length)] = prng.chance(0.3) ? 0xff : prng.below(256);
      try {
        const reader = new PcapngReader(sourceOf(bad));
        for (let block = reader.next(); block; block = reader.next())
          if (block.type === BlockType.PACKET) reader.packet(block);
      } catch (error) {
        errors++;
        expect((error as Error).name).toBe("PcapngError");
      }
    }
    expect(errors).toBeGreaterThan(1000);
  });
});

test("tshark and capinfos read it without complaint", (context) => {
  const missing = missingTools("tshark");
  if (missing) context.skip(missing);
  const path = join(folder, "sample.pcapng");
  writeFileSync(path, sample());
  const fields = [
    "frame.interface_name",
    "frame.time_epoch",
    "frame.comment",
    "frame.packet_flags_direction",
  ];
  const { stdout, stderr, status } = spawnSync(
    "tshark",
    ["-n", "-r", path, "-T", "fields", "-E", "separator=|", ...fields.flatMap((field) => ["-e", field])],
    { encoding: "utf8" },
  );
  // It complains of nothing but who runs it.
  expect([status, stderr.replace(/^Running as user .*\n/, "")]).toEqual([0, ""]);
  expect(stdout.trimEnd().split("\n")).toEqual([
    "left|1700000000.123456789||0x00000001",
    "right|1700000005.123456790||0x00000002",
    "left|1700000010.123456791|dropped: IP_CHECKSUM, ü|0x00000001",
    "right|1700000015.123456792||0x00000002",
    "left|1700000000.124456789||",
  ]);
  const about = execFileSync("capinfos", [path], { encoding: "utf8" });
  expect(about).toContain("Number of packets:   5");
  expect(about).toMatch(/Description = the left end/);
  expect(about).toMatch(/Time precision = nanoseconds \(9\)/);
  expect(about).toMatch(/Capture application: +Ferrule/);
});
