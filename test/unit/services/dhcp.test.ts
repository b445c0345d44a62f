// The client as the stack and the application see it: `open`, `end`, `get`, `set`, `isRunning`, `receive`, `run`, `emit`, `linkUp`,
// `unreachable`. What the states do is in the tests of the files beside this one.

import { beforeEach, describe, expect, test } from "vitest";
import { DEADLINE_NEVER, DhcpState, LeaseLayout, Option, SocketKind, Status } from "../../../host/abi.js";
import { DhcpServer } from "../../services/dhcp_server.js";
import { Stage } from "../../services/dhcp_stage.js";

let stage: Stage;

beforeEach(() => {
  stage = new Stage({ datagramSockets: 2, datagramQueueBytes: 512, queries: 3 });
});

const dhcp = () =>
  stage.core.functions(
    "services/dhcp",
    "isRunning",
    "linkUp",
    "run",
    "emit",
    "unreachable",
    "receive",
    "end",
  );

test("nothing runs before it is opened, and nothing is due", () => {
  expect(dhcp().isRunning()).toBe(false);
  expect([dhcp().emit(), stage.abi.deadline(stage.now)]).toEqual([0, DEADLINE_NEVER]);
  dhcp().run();
  expect(dhcp().linkUp()).toBe(true);
  dhcp().unreachable(0);
  expect([dhcp().emit(), stage.abi.deadline(stage.now)]).toEqual([0, DEADLINE_NEVER]);
});

describe("open", () => {
  test("there is one client, whose number is the last", () => {
    stage.open();
    // 2 listeners, 4 connections, 2 datagram sockets, 3 queries.
    expect(stage.handle).toBe(12);
    expect(stage.abi.open(SocketKind.DHCP_CLIENT)).toBe(Status.NO_SOCKET);
    expect([dhcp().isRunning(), stage.lease.state]).toEqual([true, DhcpState.SELECTING]);
    expect(stage.abi.deadline(stage.now)).toBe(0);
  });

  test("after close it is another handle, and a clean record", () => {
    stage.open().linkLocal();
    stage.set(Option.HOST_NAME, [65]);
    const first = stage.handle;
    expect(stage.abi.close(first)).toBe(Status.OK);
    expect(dhcp().isRunning()).toBe(false);
    stage.open();
    expect(stage.handle).toBe(first + 0x10000);
    const at = stage.core.header.exchange;
    expect(stage.abi.getopt(first, Option.LEASE, at, LeaseLayout.size)).toBe(Status.BAD_HANDLE);
    stage.run(60_000);
    expect(stage.address).toBe("0.0.0.0");
  });

  test("`end` with `now` is abort", () => {
    stage.open();
    dhcp().end(1);
    expect(dhcp().isRunning()).toBe(false);
  });
});

describe("options", () => {
  test("LEASE needs room for a Lease", () => {
    stage.open();
    const at = stage.core.header.exchange;
    for (const [bytes, result] of [
      [LeaseLayout.size - 1, Status.INVALID_ARGUMENT],
      [LeaseLayout.size, LeaseLayout.size],
      [LeaseLayout.size + 1, LeaseLayout.size],
    ])
      expect(stage.abi.getopt(stage.handle, Option.LEASE, at, bytes as number)).toBe(result);
    expect(LeaseLayout.size).toBeLessThanOrEqual(192);
  });

  test("there is no other to get", () => {
    stage.open();
    for (const option of [0, Option.ERROR, Option.HOST_NAME, Option.LINK_LOCAL, 99])
      expect(stage.abi.getopt(stage.handle, option, stage.core.header.exchange, 192)).toBe(
        Status.NOT_SUPPORTED,
      );
  });

  test("what cannot be set", () => {
    stage.open();
    expect(stage.set(Option.HOST_NAME, new Array(65).fill(65))).toBe(Status.INVALID_ARGUMENT);
    expect(stage.set(Option.HOST_NAME, new Array(64).fill(65))).toBe(Status.OK);
    expect(stage.set(Option.LINK_LOCAL, [1, 0, 0])).toBe(Status.INVALID_ARGUMENT);
    expect(stage.set(Option.LINK_LOCAL, [1, 0, 0, 0])).toBe(Status.OK);
    for (const option of [0, Option.LEASE, Option.TTL, 99])
      expect(stage.set(option, [1, 0, 0, 0])).toBe(Status.INVALID_ARGUMENT);
  });

  test("other calls on the handle are refused", () => {
    stage.open();
    const calls = stage.core.functions(
      "abi",
      "bind",
      "connect",
      "sendReserve",
      "receivePeek",
      "accept",
      "shutdown",
    );
    const at = stage.core.header.exchange;
    stage.core.memory.fill(0, at, at + 192);
    stage.core.memory[at] = 1;
    for (const [name, call] of Object.entries(calls)) expect(call(stage.handle, at), name).toBeLessThan(0);
    expect(stage.lease.state).toBe(DhcpState.SELECTING);
  });
});

test("the host name and the choice of a link-local address may come after `open`, before the first `output`", () => {
  const server = new DhcpServer();
  stage.hosts = [server];
  stage.open();
  stage.set(Option.HOST_NAME, [102, 101]);
  stage.run(0);
  expect([...(stage.messages[0]?.options.get(12) ?? [])]).toEqual([102, 101]);
});

test("a datagram socket on port 68 hears what comes while no client runs", () => {
  const handle = stage.abi.open(SocketKind.DATAGRAM);
  const { bind } = stage.core.functions("abi", "bind");
  const at = stage.core.header.exchange;
  stage.core.memory.fill(0, at, at + 24);
  stage.core.view.setUint16(at, 1, true);
  stage.core.view.setUint16(at + 2, 68, true);
  expect(bind(handle, at)).toBe(Status.OK);
  const server = new DhcpServer();
  stage.open().run(0);
  const [message] = stage.messages;
  if (!message) return expect.fail("no message");
  stage.give(server.say(message, "OFFER", "10.0.0.100"));
  stage.run(0);
  expect([stage.lease.state, stage.events.length]).toEqual([DhcpState.REQUESTING, 0]);
  stage.abi.close(stage.handle);
  stage.give(server.say(message, "OFFER", "10.0.0.100"));
  stage.run(0);
  expect(stage.events.map(({ names }) => names)).toEqual(["READABLE"]);
});
