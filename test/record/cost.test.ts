// What recording costs: printed, and bounded where the figure does not depend on the machine.

import { expect, test } from "vitest";
import { SocketKind } from "../../host/abi.js";
import { type Core, createCore } from "../../host/core.js";
import type { EngineFactory } from "../../host/engines/engine.js";
import { createV8Engine } from "../../host/engines/v8.js";
import { FRAMING_BYTES } from "../../host/pcapng/format.js";
import { Recorder } from "../../host/record/recorder.js";
import { configOf, wasm } from "./support.js";

const ROUNDS = 5;
const BYTES = 4_000_000;
const RING_BYTES = 32_768;
/** A round that takes more turns is a hang. */
const TURNS_MAX = 100_000;

/** Sends BYTES from one core to another, with the calls that a host makes; returns what the receiver counted. */
function transfer(engine: EngineFactory): { frames: number; seconds: number } {
  const boot = (number: number) =>
    createCore(
      wasm,
      { ...configOf(number), sendRingBytes: RING_BYTES, receiveRingBytes: RING_BYTES },
      { engine },
    );
  const [left, right] = [boot(1), boot(2)];
  const listener = right.open(SocketKind.LISTENER);
  right.bind(listener, { address: "0.0.0.0", port: 80 });
  right.listen(listener, 1);
  const client = left.open(SocketKind.STREAM);
  left.connect(client, { address: "10.0.0.2", port: 80 });
  const data = Buffer.alloc(RING_BYTES, "cost ");
  let [frames, received, sent] = [0, 0, 0];
  let server: number | undefined;
  const carry = (from: Core, to: Core, now: number) => {
    for (let frame = from.output(now); frame; frame = from.output(now)) {
      frames++;
      to.input(frame, now);
      for (let reply = to.output(now); reply; reply = to.output(now)) {
        frames++;
        from.input(reply, now);
      }
    }
    while (from.nextEvent());
    from.deadline(now);
  };
  const begun = performance.now();
  for (let turn = 0; received < BYTES; turn++) {
    if (turn > TURNS_MAX) throw new Error("the transfer has no end");
    carry(left, right, turn);
    carry(right, left, turn);
    server ??= right.accept(listener);
    if (server === undefined) continue;
    if (sent < BYTES) sent += left.write(client, data);
    for (let got = right.read(server); got?.length; got = right.read(server)) received += got.length;
  }
  return { frames, seconds: (performance.now() - begun) / 1000 };
}

test("a recording of full frames: its size, and the time that it takes", () => {
  const times = { plain: Number.POSITIVE_INFINITY, recorded: Number.POSITIVE_INFINITY };
  let [bytes, calls, frames] = [0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    times.plain = Math.min(times.plain, transfer(createV8Engine).seconds);
    const recorder = new Recorder(() => {});
    const result = transfer(recorder.engine(createV8Engine, { name: "core" }));
    recorder.close();
    times.recorded = Math.min(times.recorded, result.seconds);
    // Each frame stands in the file twice: it leaves one core and comes to the other.
    [bytes, calls, frames] = [recorder.writer.bytes, recorder.calls, 2 * result.frames];
  }
  const megabytes = BYTES / 1e6;
  console.log(
    `recording ${megabytes} MB from core to core: ${(times.recorded / times.plain).toFixed(2)} times the time ` +
      `(${((1e6 * (times.recorded - times.plain)) / frames).toFixed(2)} us for a frame), ` +
      `${(calls / frames).toFixed(1)} calls and ${(bytes / frames).toFixed(0)} bytes for a frame, ` +
      `${(bytes / BYTES).toFixed(2)} bytes for a byte of data`,
  );
  // A frame with data and the call for it, the sender's data, and an ACK for every second frame.
  expect(bytes / BYTES).toBeLessThan(5);
  expect(bytes / frames).toBeGreaterThan(FRAMING_BYTES);
});
