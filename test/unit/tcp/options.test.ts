import { expect, test } from "vitest";
import { EndpointLayout, Option, SocketKind, Status, TcpInfoLayout, TcpState } from "../../../host/abi.js";
import { readRecord } from "../../../host/records.js";
import { established, SND_UNA } from "./stage.js";

const { core, at, t } = established();
const { get } = core.functions("tcp/options", "get");
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

test("what is not there is not supported", () => {
  for (const option of [0, Option.NO_DELAY, Option.TTL, 99, 0xffffffff])
    expect(get(at, option, TO, 192)).toBe(Status.NOT_SUPPORTED);
  core.functions("tcp/user", "open").open(SocketKind.LISTENER);
  expect(get(core.state.listenerTable, Option.TCP_INFO, TO, 192)).toBe(Status.NOT_SUPPORTED);
});
