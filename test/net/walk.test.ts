// Random walks of two sockets, over Ferrule and over Node: the same calls in the same order must give the same events.
//
// Left out is what differs on purpose (docs/node.md): destroySoon, and sockets that stay half open. Nagle's algorithm is
// off: what it holds back and for how long is not the same in the two stacks.

import { expect, test } from "vitest";
import type { Socket } from "../../host/net.js";
import { Prng } from "../../host/sim/prng.js";
import { overFerrule, overNode, type Scenario } from "./stage.js";

const SEEDS = 60;
const STEPS = 8;

/** Time between two calls, in milliseconds. */
const STEP_MS = 2;

const CALLS: Readonly<Record<string, (socket: Socket) => void>> = {
  write: (socket) => void (socket.writable && socket.write(Buffer.alloc(1000))),
  end: (socket) => void (socket.writable && socket.end()),
  pause: (socket) => void socket.pause(),
  resume: (socket) => void socket.resume(),
  destroy: (socket) => void socket.destroy(),
  reset: (socket) => void (socket.destroyed || socket.resetAndDestroy()),
};

/** What a step draws from: calls that leave the connection alive more often. */
const NAMES = [...Object.keys(CALLS), "write", "write", "pause", "resume"];

function walk(seed: number): Scenario {
  return async (stage) => {
    const prng = new Prng(seed);
    const { client, peer } = await stage.pair({ noDelay: true }, { noDelay: true });
    stage.watch("client", client.resume());
    stage.watch("peer", peer.resume());
    for (let step = 0; step < STEPS; step++) {
      const [who, socket] = prng.below(2) === 0 ? (["client", client] as const) : (["peer", peer] as const);
      const name = NAMES[prng.below(NAMES.length)] as string;
      stage.log(who, name.toUpperCase());
      CALLS[name]?.(socket);
      await stage.pause(STEP_MS);
    }
    // One after the other: between "end" and "finish" of one moment there is no order.
    for (const socket of [client, peer]) {
      socket.resume();
      await stage.pause(STEP_MS);
      socket.end();
      await stage.pause(STEP_MS);
    }
    for (const [who, socket] of Object.entries({ client, peer }))
      stage.log(who, `${socket.bytesRead} ${socket.bytesWritten} ${socket.destroyed} ${socket.readyState}`);
  };
}

test(`${SEEDS} random walks give the same events as over Node`, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const ferrule = await overFerrule(walk(seed));
    expect(ferrule, `seed ${seed}`).toEqual(await overNode(walk(seed)));
    for (const line of Object.values(ferrule).flat()) seen.add(line);
  }
  // The walks went where something can differ.
  for (const line of ["end", "finish", "close false", "close true", "error ECONNRESET"])
    expect(seen).toContain(line);
});
