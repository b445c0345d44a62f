import { describe, expect, test } from "vitest";
import { Event, Status } from "../../../host/abi.js";
import { a, decodeQuery, encodeMessage } from "../../dns/codec.js";
import { address, PEER, ports } from "../core.js";
import { look, placeOfName, withQuery } from "./stage.js";

const FILE = "services/dns";
const MESSAGE = 40000;

function stage(config = {}) {
  const staged = withQuery(config);
  return {
    ...staged,
    ...staged.core.functions(FILE, "open", "reserve", "commit", "peek", "end", "receive", "emitNext"),
  };
}

test("open gives every record once, and numbers behind the other sockets'", () => {
  const { open, end, at, handle } = stage();
  const second = open();
  expect(second).toBe(handle + 1);
  expect(open()).toBe(Status.NO_SOCKET);
  end(at);
  expect(open()).toBe(handle + 0x10000);
});

test("reserve is for a query without a name", () => {
  const staged = stage();
  expect(staged.reserve(staged.at)).toBe(255);
  expect(staged.core.header.runPointer).toBe(placeOfName(staged) + 1);
  expect(look(staged, "a.example")).toBe(Status.OK);
  expect(staged.reserve(staged.at)).toBe(Status.ALREADY_CONNECTED);
  expect(staged.commit(staged.at, 1)).toBe(Status.ALREADY_CONNECTED);
});

describe("a look-up", () => {
  test("emitNext builds the question, receive takes the answer, peek finds it", () => {
    const staged = stage();
    const { core, at, q, emitNext, receive, peek } = staged;
    expect(peek(at)).toBe(Status.WOULD_BLOCK);
    look(staged, "a.example");
    const frame = core.outputFrame(emitNext());
    expect(emitNext()).toBe(0);
    const query = decodeQuery(frame.subarray(42));
    const from = address(PEER.address);
    const local = (frame[34] as number) * 256 + (frame[35] as number);
    const octets = encodeMessage({
      id: query.id,
      questions: [{ name: query.name }],
      answers: [a(query.name, "9.8.7.6")],
    });
    core.memory.set(octets, MESSAGE);
    expect(receive(from, ports(53, local ^ 1), MESSAGE, octets.length)).toBe(false);
    expect(receive(from + 1, ports(53, local), MESSAGE, octets.length)).toBe(false);
    expect(receive(from, ports(54, local), MESSAGE, octets.length)).toBe(false);
    expect(receive(from, ports(53, local), MESSAGE, 12)).toBe(true);
    expect(core.counters()).toMatchObject({ DNS_IGNORED: 1 });
    expect(receive(from, ports(53, local), MESSAGE, octets.length)).toBe(true);
    expect(peek(at)).toBe(16);
    expect(core.view.getUint32(core.header.runPointer, false)).toBe(0x09080706);
    expect(q.events).toBe(Event.READABLE);
    expect(receive(from, ports(53, local), MESSAGE, octets.length)).toBe(false);
  });

  test("a name that is none, text that is an address, and no server", () => {
    const none = stage({ dnsServer0: new Uint8Array(4) });
    expect(look(none, "a..b")).toBe(Status.INVALID_ARGUMENT);
    expect(look(none, "a.b")).toBe(Status.OK);
    expect(none.peek(none.at)).toBe(Status.UNREACHABLE);
    const text = stage();
    expect(look(text, "1.2.3.4")).toBe(Status.OK);
    expect(text.peek(text.at)).toBe(16);
  });

  test("a name after a longer one that was none", () => {
    const staged = stage();
    expect(look(staged, `${"x".repeat(40)}..b`)).toBe(Status.INVALID_ARGUMENT);
    expect(staged.peek(staged.at)).toBe(Status.WOULD_BLOCK);
    expect(look(staged, "1.2.3.4.5")).toBe(Status.INVALID_ARGUMENT);
    expect(look(staged, "a.b")).toBe(Status.OK);
    expect(decodeQuery(staged.core.outputFrame(staged.emitNext()).subarray(42)).name).toBe("a.b");
  });

  test("a server that did not understand the question may say so without it, or with any", () => {
    const staged = stage();
    look(staged, "a.example");
    for (const questions of [[], [{ name: "b.example" }]]) {
      const frame = staged.core.outputFrame(staged.emitNext());
      const { id, udpBytes } = decodeQuery(frame.subarray(42));
      expect(udpBytes).toBe(1232);
      const octets = encodeMessage({ id, rcode: 1, questions });
      staged.core.memory.set(octets, MESSAGE);
      const local = (frame[34] as number) * 256 + (frame[35] as number);
      expect(staged.receive(address(PEER.address), ports(53, local), MESSAGE, octets.length)).toBe(true);
      const again = staged.core.outputFrame(staged.emitNext());
      expect(decodeQuery(again.subarray(42)).udpBytes).toBeUndefined();
      expect(staged.core.counters().DNS_IGNORED ?? 0).toBe(0);
      staged.q.plain = 0;
      staged.q.phase = 1;
    }
  });

  test("end makes the handle stale", () => {
    const staged = stage();
    look(staged, "a.example");
    staged.end(staged.at);
    expect(staged.emitNext()).toBe(0);
    expect(staged.q.kind).toBe(0);
    expect(staged.core.functions("services/sockets", "socketOf").socketOf(staged.handle)).toBe(0);
  });
});
