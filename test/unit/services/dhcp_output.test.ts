// What the client says in which state, RFC 2131 table 5: `emitOwed`; and `unreachable`.

import { beforeEach, describe, expect, test } from "vitest";
import { DhcpState, Option, Status } from "../../../host/abi.js";
import { dotted, text } from "../../services/dhcp_codec.js";
import { DhcpServer } from "../../services/dhcp_server.js";
import { Stage } from "../../services/dhcp_stage.js";
import { address, DEVICE } from "../core.js";

const OURS = "10.0.0.100";

let stage: Stage;
let server: DhcpServer;

beforeEach(() => {
  stage = new Stage();
  server = new DhcpServer();
  stage.hosts = [server];
});

const numbers = (index: number) => [...(stage.messages.at(index)?.options.keys() ?? [])];
const option = (index: number, code: number) =>
  stage.messages.at(index)?.options.get(code) ?? new Uint8Array();

test("DISCOVER and REQUEST: from nobody to everybody", () => {
  stage.open().run(5000);
  expect(stage.messages).toMatchObject([
    { type: "DISCOVER", source: "0.0.0.0", destination: "255.255.255.255", ciaddr: "0.0.0.0", secs: 0 },
    { type: "REQUEST", source: "0.0.0.0", destination: "255.255.255.255", ciaddr: "0.0.0.0", secs: 0 },
  ]);
  for (const message of stage.messages) {
    expect(message).toMatchObject({ toMac: "ff:ff:ff:ff:ff:ff", chaddr: DEVICE.mac, bytes: 300 });
    // Without an address all that comes to our MAC is heard.
    expect(message.broadcast).toBe(false);
  }
  expect([numbers(0), numbers(1)]).toEqual([
    [53, 61, 55],
    [53, 61, 55, 50, 54],
  ]);
  expect([dotted(option(1, 50)), dotted(option(1, 54))]).toEqual([OURS, "10.0.0.2"]);
});

test("the seconds of a REQUEST are those of its DISCOVER", () => {
  server.on = false;
  stage.open().run(20_000);
  const { secs } = stage.messages.at(-1) ?? expect.fail("no message");
  server.on = true;
  stage.run(60_000);
  const request = stage.messages.find(({ type }) => type === "REQUEST");
  const before = stage.messages.filter(({ type }) => type === "DISCOVER").at(-1);
  expect(request?.secs).toBe(before?.secs);
  expect(request?.secs).toBeGreaterThan(secs);
});

describe("the host name", () => {
  test.each([0, 1, 21, 64])("of %i octets is in what asks, and in nothing else", (bytes) => {
    const name = "n".repeat(bytes);
    stage.open();
    expect(stage.set(Option.HOST_NAME, text(name))).toBe(Status.OK);
    stage.run(2_000_000);
    expect(stage.messages.map(({ type }) => type)).toEqual(["DISCOVER", "REQUEST", "REQUEST"]);
    for (let index = 0; index < 3; index++) expect([...option(index, 12)]).toEqual(text(name));
    stage.abi.close(stage.handle);
    stage.run(1000);
    expect([stage.messages.at(-1)?.type, numbers(-1)]).toEqual(["RELEASE", [53, 61, 54]]);
  });

  test("is gone with the client", () => {
    stage.open();
    stage.set(Option.HOST_NAME, text("first"));
    stage.abi.close(stage.handle);
    stage.open().run(0);
    expect(stage.messages.at(-1)?.options.has(12)).toBe(false);
  });
});

test("unreachable: what waited for ARP is dropped when that very neighbour is meant, and only then", () => {
  stage.open().run(70_000);
  const { client } = stage.core.functions("services/dhcp_client", "client");
  const { unreachable, emitOwed } = stage.core.functions("services/dhcp_output", "unreachable", "emitOwed");
  const record = stage.core.record<Record<string, number>>("services/dhcp_client", "DhcpClient", client());
  record.phase = DhcpState.RENEWING;
  record.owes = 3;
  expect(emitOwed(client())).toBe(0);
  unreachable(client(), address("10.0.0.9"));
  expect(record.owes).toBe(3);
  unreachable(client(), address("10.0.0.2"));
  expect(record.owes).toBe(0);
  record.phase = DhcpState.REBINDING;
  record.owes = 3;
  unreachable(client(), address("10.0.0.2"));
  expect(record.owes).toBe(3);
});
