import { expect, test } from "vitest";
import { TcpState } from "../../../host/abi.js";
import { address, PEER } from "../core.js";
import { putName, withQuery } from "./stage.js";

const FILE = "services/dns_stream";

function stage(config = {}) {
  const staged = withQuery(config);
  putName(staged, "a.example");
  staged.q.remoteAddress = address(PEER.address);
  const functions = staged.core.functions(FILE, "begin", "messageAt", "promised", "arrived", "end");
  const { allocate } = staged.core.functions("tcp/tcb", "allocate");
  return { ...staged, ...functions, begin: (at: number) => functions.begin(at, allocate()) };
}

test("begin takes a record of its own, and end gives it back", () => {
  const { core, at, q, begin, end } = stage();
  begin(at);
  const t = core.tcb(q.stream);
  expect([t.kind, t.state]).toEqual([core.kind("SERVICE"), TcpState.SYN_SENT]);
  expect(core.header.connectionsUsed).toBe(1);
  // Length, header, name, type and class, OPT.
  expect(t.sendBytes).toBe(2 + 12 + 11 + 4 + 11);
  end(at);
  q.phase = 0;
  core.functions("stack", "output").output(0);
  expect(core.header.connectionsUsed).toBe(0);
});

test("begin in a send ring that is too short for some questions", () => {
  const staged = stage({ sendRingBytes: 256 });
  for (const [name, sent] of [
    [`${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(33)}`, 256],
    [`${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(34)}`, 0],
    [`${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(61)}`, 0],
  ] as const) {
    putName(staged, name);
    staged.begin(staged.at);
    const t = staged.core.tcb(staged.q.stream);
    expect([t.state, t.sendBytes, t.receiveBytes]).toEqual([TcpState.SYN_SENT, sent, 0]);
  }
});

test("begin without a way to the server: nothing will come of it", () => {
  const { core, at, q, begin, messageAt, arrived, end } = stage({ address: "0.0.0.0", gateway: "0.0.0.0" });
  begin(at);
  expect(core.tcb(q.stream).state).toBe(TcpState.CLOSED);
  expect(arrived(at, messageAt(at))).toBe(0);
  end(at);
  expect(core.header.connectionsUsed).toBe(0);
});

test("arrived says when there is enough", () => {
  const { core, at, q, begin, messageAt, promised, arrived } = stage();
  begin(at);
  const t = core.tcb(q.stream);
  const message = messageAt(at);
  const PENDING = core.constant(FILE, "PENDING");
  core.memory.set([1, 4], message - 2);
  expect(promised(message)).toBe(260);
  for (const [bytes, enough] of [
    [0, PENDING],
    [2, PENDING],
    [261, PENDING],
    [262, 260],
    [300, 260],
  ]) {
    t.receiveBytes = bytes as number;
    expect(arrived(at, message)).toBe(enough);
  }
  core.memory.set([8, 0], message - 2);
  t.receiveBytes = 1023;
  expect(arrived(at, message)).toBe(PENDING);
  t.receiveBytes = 1024;
  expect(arrived(at, message)).toBe(1022);
  t.receiveBytes = 100;
  t.state = TcpState.CLOSE_WAIT;
  expect(arrived(at, message)).toBe(0);
  t.state = TcpState.CLOSED;
  expect(arrived(at, message)).toBe(0);
});
