// The event loop: what goes in and out of the core, and when.

import { expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import type { Core } from "../../host/core.js";
import { Host } from "../../host/host.js";
import { Wire } from "../../host/link/wire.js";
import { decode, encode, IcmpType } from "../../host/packet/index.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { createHost, LEFT, RIGHT } from "./support.js";

const REQUESTS = 20;

function echoRequest(sequence: number): Uint8Array {
  return encode({
    link: { source: LEFT.mac, destination: RIGHT.mac },
    ipv4: { source: LEFT.address, destination: RIGHT.address },
    icmp: { type: IcmpType.ECHO_REQUEST, sequence },
  });
}

test("a host loses no reply although the link has no room for it yet", () => {
  const clock = new VirtualClock();
  const wire = new Wire(2);
  const peer = wire.port();
  const host = createHost(wire.port(), clock, RIGHT);
  const replies: number[] = [];
  // The peer sends all it can before it takes a frame: the two queues of the wire are full then.
  let sent = 0;
  while (replies.length < REQUESTS) {
    while (sent < REQUESTS && peer.hasRoom) peer.send(echoRequest(sent++));
    clock.advance(1);
    if (sent < REQUESTS && peer.hasRoom) continue;
    const frame = peer.receive();
    if (!frame) break;
    const packet = decode(frame);
    if (packet.kind === "icmp") replies.push(packet.icmp.sequence);
  }
  expect(replies).toEqual(Array.from({ length: REQUESTS }, (_, sequence) => sequence));
  expect(host.core.counter(Counter.ICMP_ECHO)).toBe(REQUESTS);
  expect(host.core.counter(Counter.REPLY_DROPPED)).toBe(0);
  host.close();
});

test("a listener that throws keeps no event from the others, whenever in a turn events come", () => {
  for (const when of ["output", "deadline"]) {
    const clock = new VirtualClock();
    const waiting: { handle: number; events: number }[] = [];
    let raised = false;
    const raise = (call: string) => {
      if (raised || call !== when) return;
      raised = true;
      waiting.push({ handle: 1, events: 1 }, { handle: 2, events: 1 });
    };
    const core = {
      output: () => void raise("output"),
      deadline: () => {
        raise("deadline");
        return Number.POSITIVE_INFINITY;
      },
      nextEvent: () => waiting.shift(),
    };
    const host = new Host(core as unknown as Core, new Wire().port(), clock);
    host.watch(1, () => {
      throw new Error("of the listener");
    });
    let heard = 0;
    host.watch(2, () => heard++);
    expect(() => clock.advance(1), when).toThrow("of the listener");
    clock.advance(1);
    expect(heard, when).toBe(1);
    host.close();
  }
});
