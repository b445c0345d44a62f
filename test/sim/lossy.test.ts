// Two instances of the core against each other over a link that loses, delays, reorders, repeats and damages frames:
// both streams arrive byte for byte, both ends finish, and nothing is left behind. The clock is virtual and everything
// follows from the seed in the test's name.

import { describe, expect, test } from "vitest";
import { Counter, Event, SocketKind, TcpState } from "../../host/abi.js";
import type { Host } from "../../host/host.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { LossyLink } from "../../host/sim/lossy.js";
import { Prng } from "../../host/sim/prng.js";
import { createHost, expectNothingLeft, LEFT, RIGHT } from "../host/support.js";

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

/** Bytes of each direction's stream. */
const STREAM_BYTES = 60_000;

/** Virtual time for each step, in milliseconds. */
const CONNECT_MS = 120_000;
const TRANSFER_MS = 900_000;
const END_MS = 300_000;

const PORT = 7000;

/** One end of a connection: sends its stream in uneven pieces, reads in uneven pieces and remembers what came. */
class End {
  connected = false;
  ended = false;
  closed = false;
  failed = false;
  readonly received: number[] = [];
  #sent = 0;

  constructor(
    readonly host: Host,
    readonly handle: number,
    readonly stream: Uint8Array,
    readonly prng: Prng,
  ) {
    host.watch(handle, (events) => this.#onEvents(events));
  }

  get sentAll(): boolean {
    return this.#sent === this.stream.length;
  }

  /** Sends what fits now. */
  send(): void {
    while (!this.sentAll) {
      const piece = this.stream.subarray(this.#sent, this.#sent + 1 + this.prng.below(3000));
      const written = this.host.core.write(this.handle, piece);
      this.#sent += written;
      if (written < piece.length) break;
    }
    this.host.kick();
  }

  /** Reads all there is. */
  read(): void {
    for (;;) {
      const data = this.host.core.read(this.handle, 1 + this.prng.below(2000));
      if (!data) break;
      if (data.length === 0) {
        this.ended = true;
        break;
      }
      this.received.push(...data);
    }
    this.host.kick();
  }

  shutdown(): void {
    this.host.core.shutdown(this.handle);
    this.host.kick();
  }

  /** Gives the handle back. */
  close(): void {
    this.host.unwatch(this.handle);
    this.host.core.close(this.handle);
    this.host.kick();
  }

  #onEvents(events: number): void {
    if (events & Event.FAILED) this.failed = true;
    if (events & Event.CLOSED) this.closed = true;
    if (this.failed) return;
    if (events & Event.CONNECTED) this.connected = true;
    if (events & Event.WRITABLE) this.send();
    if (events & (Event.READABLE | Event.PEER_CLOSED)) this.read();
  }
}

function createWorld(seed: number) {
  const prng = new Prng(seed);
  const clock = new VirtualClock();
  const link = new LossyLink(clock, {
    seed,
    delayMs: 1 + prng.below(40),
    jitterMs: prng.below(10),
    loss: 0.02 + prng.fraction() * 0.08,
    reorder: prng.fraction() * 0.05,
    duplicate: prng.fraction() * 0.03,
    corrupt: prng.fraction() * 0.03,
  });
  const rings = { sendRingBytes: 1024 << prng.below(5), receiveRingBytes: 1024 << prng.below(5) };
  const left = createHost(link.ends[0], clock, { ...LEFT, ...rings, timeWaitMs: 10_000 });
  const right = createHost(link.ends[1], clock, { ...RIGHT, ...rings, timeWaitMs: 10_000 });
  return { prng, clock, link, left, right };
}

type World = ReturnType<typeof createWorld>;

/** A connection from left to right, accepted and established on both sides. */
function connectEnds({ prng, clock, left, right }: World): { client: End; server: End; listener: number } {
  const listener = right.core.open(SocketKind.LISTENER);
  right.core.bind(listener, { address: RIGHT.address, port: PORT });
  right.core.listen(listener, 4);
  let server: End | undefined;
  right.watch(listener, () => {
    const handle = right.core.accept(listener);
    if (handle !== undefined) server = new End(right, handle, prng.bytes(STREAM_BYTES), prng);
  });
  const handle = left.core.open(SocketKind.STREAM);
  const client = new End(left, handle, prng.bytes(STREAM_BYTES), prng);
  left.core.connect(handle, { address: RIGHT.address, port: PORT });
  left.kick();
  expect(
    clock.runUntil(() => client.failed || (client.connected && server !== undefined), CONNECT_MS),
    "connected in time",
  ).toBe(true);
  return { client, server: server as End, listener };
}

describe("over a lossy link", () => {
  test.each(SEEDS)("seed %i: both streams arrive whole, both ends finish, nothing is left", (seed) => {
    const world = createWorld(seed);
    const { clock, link, left, right } = world;
    const { client, server, listener } = connectEnds(world);

    // The client ends its direction first; the server goes on to send in the half that is left.
    client.send();
    client.read();
    server.read();
    expect(
      clock.runUntil(() => client.failed || client.sentAll, TRANSFER_MS),
      "client wrote all",
    ).toBe(true);
    client.shutdown();
    expect(
      clock.runUntil(() => server.failed || server.ended, TRANSFER_MS),
      "server saw the end",
    ).toBe(true);
    expect(right.core.tcpInfo(server.handle).state).toBe(TcpState.CLOSE_WAIT);
    server.send();
    expect(
      clock.runUntil(() => server.failed || server.sentAll, TRANSFER_MS),
      "server wrote all",
    ).toBe(true);
    server.shutdown();
    expect(
      clock.runUntil(() => client.failed || client.ended, TRANSFER_MS),
      "client saw the end",
    ).toBe(true);
    expect(
      clock.runUntil(() => client.closed && server.closed, END_MS),
      "both ends know that all is over",
    ).toBe(true);

    expect(Buffer.compare(Buffer.from(server.received), client.stream), "client to server").toBe(0);
    expect(Buffer.compare(Buffer.from(client.received), server.stream), "server to client").toBe(0);
    expect([client.failed, server.failed]).toEqual([false, false]);

    client.close();
    server.close();
    right.unwatch(listener);
    right.core.close(listener);
    clock.advance(END_MS);
    expectNothingLeft(left);
    expectNothingLeft(right);
    expect([left.core.header().timeWaitUsed, right.core.header().timeWaitUsed]).toEqual([0, 0]);

    // Without this, the run above would prove nothing.
    expect(link.statistics.lost).toBeGreaterThan(0);
    const retransmits = (host: Host) => host.core.counter(Counter.TCP_RETRANSMITS);
    expect(retransmits(left) + retransmits(right)).toBeGreaterThan(0);
  });

  test("the same seed gives the same run", () => {
    const run = () => {
      const world = createWorld(3);
      const { client, server } = connectEnds(world);
      client.send();
      server.send();
      world.clock.advance(5000);
      return { ...world.link.statistics, received: server.received, left: world.left.core.counters() };
    };
    expect(run()).toEqual(run());
  });
});
