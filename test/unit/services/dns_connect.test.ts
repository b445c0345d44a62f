import { expect, test } from "vitest";
import { Event, Status, TcpState } from "../../../host/abi.js";
import { withQuery } from "./stage.js";

const FILE = "services/dns_connect";

function stage() {
  const staged = withQuery();
  const { core, at } = staged;
  const t = core.functions("tcp/tcb", "allocate").allocate();
  const { begin, advance } = core.functions(FILE, "begin", "advance");
  const { addAddress } = core.functions("services/dns_query", "addAddress");
  const add = (...octets: number[]) => {
    core.memory.set(octets, 2000);
    addAddress(at, 2000, 4);
  };
  return { ...staged, t, tcb: core.tcb(t), begin, advance: () => advance(at), add };
}

const DONE = 4;

test("begin refuses what it cannot connect", () => {
  const { core, at, t, begin, handle } = stage();
  expect(begin(at, handle, 80)).toBe(Status.NOT_SUPPORTED);
  expect(begin(t, handle + 1, 80)).toBe(Status.INVALID_ARGUMENT);
  expect(begin(t, handle, 0)).toBe(Status.INVALID_ARGUMENT);
  expect(begin(t, handle, 80)).toBe(Status.OK);
  expect(begin(t, handle, 80)).toBe(Status.ALREADY_CONNECTED);
  expect(core.tcb(t).bits & core.bit("NAMED")).not.toBe(0);
});

test("advance takes one address after the other, and then fails", () => {
  const { core, q, t, tcb, begin, advance, handle, add } = stage();
  begin(t, handle, 80);
  advance();
  expect(tcb.state).toBe(TcpState.CLOSED);
  add(10, 0, 0, 7);
  add(224, 0, 0, 1);
  add(10, 0, 0, 8);
  q.phase = DONE;
  advance();
  expect([tcb.state, q.taken]).toEqual([TcpState.SYN_SENT, 1]);
  advance();
  expect(q.taken).toBe(1);
  core.functions("tcp/ending", "fail").fail(t, Status.CONNECTION_REFUSED);
  expect([tcb.events, tcb.state]).toEqual([0, TcpState.CLOSED]);
  advance();
  // The last one: a failure is the connection's own now.
  expect([tcb.state, q.taken, q.client, tcb.error]).toEqual([TcpState.SYN_SENT, 3, 0, 0]);
  core.functions("tcp/ending", "fail").fail(t, Status.TIMED_OUT);
  expect(tcb.events & Event.FAILED).not.toBe(0);
  expect(tcb.error).toBe(Status.TIMED_OUT);
});

test("advance hands on the query's error", () => {
  const { q, t, tcb, begin, advance, handle } = stage();
  begin(t, handle, 80);
  q.phase = DONE;
  q.error = Status.NOT_FOUND;
  advance();
  expect([tcb.error, q.client]).toEqual([Status.NOT_FOUND, 0]);
  expect(tcb.events & Event.FAILED).not.toBe(0);
});
