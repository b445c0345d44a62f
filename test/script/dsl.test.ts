// The packet scripts' language itself: every way in which a script can go wrong does fail it.

import { expect, test } from "vitest";
import { StateHeaderLayout } from "../../host/abi.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { IcmpType } from "../../host/packet/index.js";
import { builtModule, playScript, type Script } from "./script.js";
import { pattern } from "./segment.js";
import { ScriptError } from "./trace.js";

const wasm = builtModule();

/** The failure of a script, or undefined when it went as written. */
function failureOf(
  play: Script["play"],
  options: Script["options"] = {},
  engine: EngineFactory = createV8Engine,
): string | undefined {
  try {
    playScript({ goal: "", options, play }, wasm, engine);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return error.message;
  }
  return undefined;
}

type Change = (frame: Uint8Array) => void;

/** V8 with a change made to every frame that the core gives out, or takes in. */
function tampering(changeOutput: Change, changeInput: Change = () => {}): EngineFactory {
  return (module, memoryBytes) => {
    const engine = createV8Engine(module, memoryBytes);
    const slot = (name: "inputSlot" | "outputSlot", length: number) => {
      const header = new DataView(engine.memory.buffer, engine.exports.base());
      const at = header.getUint32(StateHeaderLayout.fields[name].offset, true);
      return engine.memory.subarray(at, at + length);
    };
    const output = (now: number) => {
      const length = engine.exports.output(now);
      if (length > 0) changeOutput(slot("outputSlot", length));
      return length;
    };
    const input = (length: number, flags: number, now: number) => {
      changeInput(slot("inputSlot", length));
      return engine.exports.input(length, flags, now);
    };
    return { ...engine, exports: { ...engine.exports, output, input } };
  };
}

const open: Script["play"] = (t) => {
  t.listen(80);
  t.peer.send({ flags: "S", seq: 0, mss: 1460 });
  t.expect({ flags: "SA", seq: 0, ack: 1, mss: 1460 });
};

test("a script that goes as written passes", () => {
  expect(failureOf(open)).toBeUndefined();
});

test("the message shows what happened, in relative numbers", () => {
  const message = failureOf((t) => {
    open(t);
    t.at(250);
    t.peer.send({ flags: "A", seq: 1, ack: 1 });
    t.fail("enough");
  });
  const lines = message?.split("\n") ?? [];
  expect(lines[0]).toBe("enough");
  expect(lines.slice(2, 6)).toEqual([
    "     0.000  app     listen(80)",
    "     0.000  peer    10.0.0.2:40000 > 10.0.0.1:80 [SYN] Seq=0 Win=65535 Len=0 MSS=1460",
    expect.stringMatching(
      /^ {5}0\.000 {2}device {2}10\.0\.0\.1:80 > 10\.0\.0\.2:40000 \[SYN, ACK\] Seq=0 Ack=1 /,
    ),
    "     0.250  peer    10.0.0.2:40000 > 10.0.0.1:80 [ACK] Seq=1 Ack=1 Win=65535 Len=0",
  ]);
});

test.each<[string, Script["play"], string]>([
  [
    "nothing where a segment should be",
    (t) => t.expect({ flags: "S", seq: 0 }),
    "the device sent nothing, should be tcp",
  ],
  [
    "a segment where nothing should be",
    (t) => {
      t.connect(80);
      t.expectNothing();
    },
    "should be nothing",
  ],
  ["a frame left over at the end", (t) => void t.connect(80), "should be nothing"],
  [
    "a frame left over when time passes",
    (t) => {
      t.connect(80);
      t.after(1);
    },
    "should be nothing",
  ],
  [
    "a retransmission that nobody asked for",
    (t) => {
      t.connect(80);
      t.expect({ flags: "S", seq: 0 });
      t.at(5000);
    },
    "should be nothing",
  ],
  [
    "a retransmission before its time",
    (t) => {
      t.connect(80);
      t.expect({ flags: "S", seq: 0 });
      t.expectBetween(1001, 2000, { flags: "S", seq: 0 });
    },
    "a frame left at 1000 ms, should be from 1001 to 2000",
  ],
  [
    "a retransmission after its time",
    (t) => {
      t.connect(80);
      t.expect({ flags: "S", seq: 0 });
      t.expectBetween(500, 999, { flags: "S", seq: 0 });
    },
    "the device sent nothing",
  ],
  [
    "a frame of another kind",
    (t) => {
      t.connect(80);
      t.next("icmp");
    },
    "the frame is tcp, should be icmp",
  ],
])("fails: %s", (_what, play, complaint) => {
  expect(failureOf(play)).toContain(complaint);
});

test.each([
  [{ flags: "S", seq: 0 }, "flags is SYN, ACK, should be SYN"],
  [{ flags: "SA", seq: 1, ack: 1 }, "seq is 0, should be 1"],
  [{ flags: "SA", seq: 0, ack: 2 }, "ack is 1, should be 2"],
  [{ flags: "SA", seq: 0, ack: 1, len: 1 }, "0 bytes of data, should be 1"],
  [{ flags: "SA", seq: 0, ack: 1, mss: 536 }, "MSS is 1460, should be 536"],
  [{ flags: "SA", seq: 0, ack: 1, mss: "none" }, "MSS is 1460, should be none"],
  [{ flags: "SA", seq: 0, ack: 1, window: 1 }, "window is 8192, should be 1"],
  [{ flags: "SA", seq: 0, ack: 1, window: [1, 8191] }, "window is 8192, should be 1 to 8191"],
  [{ flags: "SA", seq: 0, ack: 1, urgent: 1 }, "urgent pointer is 0, should be 1"],
  [{ flags: "SA", seq: 0, ack: 1, sack: [[1, 2]] }, "SACK is none, should be 1-2"],
  [{ flags: "SA", seq: 0, ack: 1, timestamps: {} }, "timestamps is none, should be there"],
] as const)("fails: expecting %j of a SYN-ACK", (wanted, complaint) => {
  const message = failureOf((t) => {
    t.listen(80);
    t.peer.send({ flags: "S", seq: 0 });
    t.expect(wanted);
  });
  expect(message).toContain(complaint);
});

test("fails: data of the right length that are not the stream's", () => {
  const message = failureOf((t) => {
    t.connected().write("abc");
    t.expect({ flags: "PA", seq: 1, ack: 1, len: 3 });
  });
  expect(message).toContain("data differ at byte 0: 0x0061, should be 0x0001");
});

test.each<[string, Script["play"], string]>([
  [
    "an event that did not come",
    (t) => t.connected().expectEvents("READABLE"),
    "events are none, should be READABLE",
  ],
  ["another state", (t) => t.connected().expectState("CLOSED"), "the state is ESTABLISHED, should be CLOSED"],
  [
    "no error where one should be",
    (t) => t.connected().expectError("TIMED_OUT"),
    "error is OK, should be TIMED_OUT",
  ],
  ["reading what is not there", (t) => t.connected().read(1), "only 0 of 1 bytes can be read"],
  ["an end that did not come", (t) => t.connected().expectEnd(), "the stream has not ended"],
  [
    "writing more than fits",
    (t) => t.connected({ window: 0 }).write(8193),
    "only 8192 bytes could be written",
  ],
  [
    "records in use",
    (t) => {
      t.connected();
      t.expectRecords({});
    },
    "in use are 1 connections",
  ],
  ["no connection to accept", (t) => void t.listen(80).accept(), "no connection to accept"],
  [
    "data read that differ",
    (t) => {
      const socket = t.connected();
      t.peer.send({ flags: "PA", seq: 1, ack: 1, data: "abc" });
      socket.read("abd");
    },
    "the data read differ at byte 2",
  ],
  [
    "data where none should be",
    (t) => {
      const socket = t.connected();
      t.peer.send({ flags: "PA", seq: 1, ack: 1, len: 3 });
      socket.expectNothingToRead();
    },
    "there is data to read",
  ],
  [
    "a counter that stood still",
    (t) => t.counter("ICMP_ECHO").increased(),
    "ICMP_ECHO moved by 0, should be by 1",
  ],
  [
    "a counter that moved",
    (t) => {
      t.connected();
      t.counter("TCP_ACTIVE_OPENS").unchanged();
    },
    "TCP_ACTIVE_OPENS moved by 1, should be by 0",
  ],
  [
    "a drop that the script does not name",
    (t) =>
      t.send({
        ipv4: { source: "10.0.0.2", destination: "10.0.0.9" },
        icmp: { type: IcmpType.ECHO_REQUEST },
      }),
    "counter IP_NOT_OURS moved by 1, which the script does not name",
  ],
])("fails: %s", (_what, play, complaint) => {
  expect(failureOf(play)).toContain(complaint);
});

test.each<[string, (frame: Uint8Array) => void, string]>([
  ["IPv4 checksum", (frame) => (frame[22] = 63), "IPv4 checksum"],
  ["TCP checksum", (frame) => (frame[49] = (frame[49] ?? 0) ^ 1), "TCP checksum"],
  ["total length", (frame) => (frame[17] = 0xff), "IPv4 total length"],
  ["data offset", (frame) => (frame[46] = 0x40), "TCP header length 16"],
  ["reserved bits", (frame) => (frame[46] = (frame[46] ?? 0) | 2), "TCP reserved bits"],
  ["source address", (frame) => (frame[29] = 9), "sent from 10.0.0.9"],
  ["source MAC", (frame) => (frame[11] = 9), "sent from 02:00:00:00:00:09"],
  ["destination MAC", (frame) => (frame[5] = 9), "sent to 02:00:00:00:00:09"],
])("fails: a frame with a wrong %s", (_field, change, complaint) => {
  const engine = tampering((frame) => {
    if (frame[13] === 0) change(frame);
  });
  const message = failureOf(open, {}, engine);
  expect(message).toContain("the device sent a wrong frame");
  expect(message).toContain(complaint);
});

test.each<[string, (tcp: DataView) => void, string]>([
  [
    "acknowledges what was not sent",
    (tcp) => tcp.setUint32(8, tcp.getUint32(8) + 7),
    "acknowledges 7 bytes that were not sent",
  ],
  ["shrinks its window", (tcp) => tcp.setUint16(14, tcp.getUint16(14) - 9), "the window shrinks by 9 bytes"],
  [
    "goes beyond the peer's window",
    (tcp) => tcp.setUint32(4, tcp.getUint32(4) + 65534),
    "data 2 bytes beyond the window",
  ],
])("fails: a device that %s", (_what, change, complaint) => {
  // The segment is changed and its checksum mended, as a wrong core would.
  const engine = tampering((frame) => {
    if (frame[13] === 0 && frame.length === 57) changeTcp(frame, change);
  });
  expect(failureOf((t) => t.connected().write(3), {}, engine)).toContain(complaint);
});

test("fails: a device that goes beyond the peer's MSS", () => {
  // The core is told of another MSS than the script's peer announced.
  const engine = tampering(
    () => {},
    (frame) => {
      if (frame[13] === 0) changeTcp(frame, (tcp) => tcp.setUint16(22, 1460));
    },
  );
  const message = failureOf((t) => t.connected({ mss: 1000 }).write(1001), {}, engine);
  expect(message).toContain("1001 bytes of data above the MSS of 1000");
});

test("flags and numbers that do not belong together are refused", () => {
  expect(() =>
    failureOf((t) => {
      t.listen(80);
      t.peer.send({ flags: "S", seq: 0 });
      t.expect({ flags: "SA", seq: 0 });
    }),
  ).toThrow("need an ack");
  expect(() =>
    failureOf((t) => {
      t.listen(80);
      t.peer.send({ flags: "A", seq: 0 });
    }),
  ).toThrow("need an ack");
  expect(() =>
    failureOf((t) => {
      t.listen(80);
      t.peer.send({ flags: "S", seq: 0, ack: 1 });
    }),
  ).toThrow("carry no ack");
});

test("the stream's pattern differs at places that a ring could confuse", () => {
  const stream = pattern(1, 70000);
  for (const distance of [1, 2, 251, 256, 512, 536, 1024, 1460, 2048, 4096, 8192, 16384, 32768, 65536]) {
    let same = 0;
    for (let at = 0; at + distance < stream.length; at++) if (stream[at] === stream[at + distance]) same++;
    expect(same / (stream.length - distance), `distance ${distance}`).toBeLessThan(0.1);
  }
});

/** Changes the TCP segment of a frame with an IP header of 20 bytes, and makes its checksum right again. */
function changeTcp(frame: Uint8Array, change: (tcp: DataView) => void): void {
  change(new DataView(frame.buffer, frame.byteOffset + 34, frame.length - 34));
  frame.fill(0, 50, 52);
  const end = 14 + (frame[16] ?? 0) * 256 + (frame[17] ?? 0);
  let sum = 6 + end - 34;
  for (let at = 26; at < end; at++) sum += (frame[at] ?? 0) << (at % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  frame[50] = ~sum >>> 8;
  frame[51] = ~sum;
}
