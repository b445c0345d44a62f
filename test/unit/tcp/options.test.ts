import { expect, test } from "vitest";
import { EndpointLayout, Option, SocketKind, Status, TcpInfoLayout, TcpState } from "../../../host/abi.js";
import { readRecord } from "../../../host/records.js";
import { established, SND_UNA } from "./stage.js";

const { core, at, t } = established();
const { get, set } = core.functions("tcp/options", "get", "set");
const TO = 60000;

test.each([
  [Option.LOCAL_ENDPOINT, 80, [10, 0, 0, 1]],
  [Option.PEER_ENDPOINT, 40000, [10, 0, 0, 2]],
])("endpoint %i", (option, port, octets) => {
  core.memory.fill(0xee, TO, TO + 32);
  expect(get(at, option, TO, EndpointLayout.size)).toBe(EndpointLayout.size);
  const record = readRecord(core.memory, TO, EndpointLayout);
  expect(record).toMatchObject({ family: 1, port, scope: 0 });
  expect(Array.from(record.address)).toEqual([...octets, ...new Array(12).fill(0)]);
  expect(core.memory[TO + EndpointLayout.size]).toBe(0xee);
});

test("TCP_INFO is the record", () => {
  t.srtt8 = 81;
  t.outOfOrder = 9;
  // In the record another field stands where TcpInfo has the state.
  t.unacked = 2;
  expect(get(at, Option.TCP_INFO, TO, TcpInfoLayout.size)).toBe(TcpInfoLayout.size);
  expect(readRecord(core.memory, TO, TcpInfoLayout)).toMatchObject({
    ...{
      sndUna: SND_UNA,
      sndWnd: 8192,
      sendMss: 1000,
      receiveMss: 1000,
      rtt8: 81,
      rtoMs: 1000,
      outOfOrder: 9,
      state: TcpState.ESTABLISHED,
    },
  });
});

test("ERROR and TCP_STATE", () => {
  t.error = Status.TIMED_OUT;
  expect(get(at, Option.ERROR, TO, 4)).toBe(4);
  expect(core.view.getInt32(TO, true)).toBe(Status.TIMED_OUT);
  expect(get(at, Option.TCP_STATE, TO, 1)).toBe(1);
  expect(core.memory[TO]).toBe(TcpState.ESTABLISHED);
});

test.each([
  [Option.ERROR, 4],
  [Option.LOCAL_ENDPOINT, EndpointLayout.size],
  [Option.PEER_ENDPOINT, EndpointLayout.size],
  [Option.TCP_INFO, TcpInfoLayout.size],
  [Option.TCP_STATE, 1],
])("option %i does not fit less than %i octets", (option, bytes) => {
  core.memory.fill(0xee, TO, TO + bytes);
  for (let length = 0; length < bytes; length++)
    expect(get(at, option, TO, length)).toBe(Status.INVALID_ARGUMENT);
  expect(core.memory.subarray(TO, TO + bytes).every((octet) => octet === 0xee)).toBe(true);
});

const OWN = [Option.NO_DELAY, Option.KEEPALIVE_MS, Option.USER_TIMEOUT_MS, Option.TOS] as const;

function put(value: number): number {
  core.view.setUint32(TO, value, true);
  return TO;
}

function got(option: number): number {
  expect(get(at, option, TO, 4)).toBe(4);
  return core.view.getUint32(TO, true);
}

test.each([
  [Option.KEEPALIVE_MS, 2 ** 24 - 1],
  [Option.USER_TIMEOUT_MS, 2 ** 24 - 1],
  [Option.TOS, 255],
])("option %i is what was set, 0 to %i", (option, most) => {
  expect(got(option)).toBe(0);
  for (const value of [1, most, most - 1, 0, 77]) {
    expect(set(at, option, put(value), 4)).toBe(Status.OK);
    expect(got(option)).toBe(value);
  }
  for (const value of [most + 1, 0x80000000, 0xffffffff])
    expect(set(at, option, put(value), 4), `${value}`).toBe(Status.INVALID_ARGUMENT);
  expect(got(option)).toBe(77);
  for (const other of OWN) expect(got(other)).toBe(other === option ? 77 : 0);
  set(at, option, put(0), 4);
});

test("NO_DELAY is on or off, and what was held back has its turn", () => {
  const { takeReady } = core.functions("net/socket", "takeReady");
  while (takeReady()) expect(core.state.readyHead).toBe(0);
  for (const value of [1, 2 ** 24 - 1, 0]) {
    expect(set(at, Option.NO_DELAY, put(value), 4)).toBe(Status.OK);
    expect(got(Option.NO_DELAY)).toBe(value ? 1 : 0);
    expect((t.bits & core.bit("NO_DELAY")) !== 0).toBe(value !== 0);
    expect(takeReady()).toBe(at);
  }
});

test("URGENT sets SND.UP behind what was written, and tells how far the peer's urgent data goes", () => {
  t.sndUna = 0xfffffff0;
  t.sendBytes = 0x20;
  expect(set(at, Option.URGENT, put(1), 4)).toBe(Status.OK);
  expect(t.sndUp).toBe(0x10);
  [t.rcvNxt, t.receiveBytes, t.rcvUp] = [0x10, 0x20, 0xfffffff0];
  expect(got(Option.URGENT)).toBe(0);
  for (const [rcvUp, left] of [
    [0xfffffff1, 1],
    [0x10, 0x20],
    // Ahead of what has arrived.
    [0x1010, 0x1020],
    // All that was urgent is read.
    [0xffffff00, 0],
  ] as const) {
    t.rcvUp = rcvUp;
    expect(got(Option.URGENT)).toBe(left);
  }
});

test("URGENT before the connection begins is NOT_CONNECTED; other options wait for it", () => {
  const fresh = core.functions("tcp/tcb", "allocate").allocate();
  expect(set(fresh, Option.URGENT, put(1), 4)).toBe(Status.NOT_CONNECTED);
  for (const option of OWN) expect(set(fresh, option, put(1), 4)).toBe(Status.OK);
  expect(core.tcb(fresh).lists).toBe(0);
});

test("a value is four octets", () => {
  for (const option of [...OWN, Option.URGENT])
    for (let length = 0; length < 4; length++) {
      expect(set(at, option, put(1), length)).toBe(Status.INVALID_ARGUMENT);
      expect(get(at, option, TO, length)).toBe(Status.INVALID_ARGUMENT);
    }
});

test("what is not there is not supported", () => {
  for (const option of [0, Option.TTL, Option.BROADCAST, 99, 0xffffffff])
    expect(get(at, option, TO, 192)).toBe(Status.NOT_SUPPORTED);
  for (const option of [0, Option.ERROR, Option.TCP_INFO, Option.TTL, 99, 0xffffffff])
    expect(set(at, option, put(1), 4)).toBe(Status.NOT_SUPPORTED);
  core.functions("tcp/user", "open").open(SocketKind.LISTENER);
  const listener = core.state.listenerTable;
  for (const option of [Option.TCP_INFO, ...OWN, Option.URGENT]) {
    expect(get(listener, option, TO, 192)).toBe(Status.NOT_SUPPORTED);
    expect(set(listener, option, put(1), 4)).toBe(Status.NOT_SUPPORTED);
  }
  expect([get(listener, Option.ERROR, TO, 4), core.view.getInt32(TO, true)]).toEqual([4, 0]);
});
