// Recordings: what is recorded replays bit for bit, and what is different is named.

import { describe, expect, test } from "vitest";
import type { CoreConfig } from "../../host/core.js";
import type { FrameFilter } from "../../host/link/wire.js";
import { recordedPair, replayHere } from "./support.js";

const SAME = { difference: undefined, damages: [], ending: { kind: "end", reason: 0 } };

/** Serves `bytes` octets from the right host to the left one. */
async function download(bytes: number, config: Partial<CoreConfig> = {}, filter?: FrameFilter) {
  const { clock, recorder, file, left, right } = recordedPair(config, filter);
  const server = right.createServer({}, (socket) => {
    socket.resume();
    socket.end(Buffer.alloc(bytes, "recorded "));
  });
  server.listen({ port: 80 });
  let received = 0;
  let isDone = false;
  const socket = left.connect({ host: "10.0.0.2", port: 80 });
  socket.on("data", (data) => {
    received += data.length;
  });
  socket.on("close", () => {
    isDone = true;
  });
  socket.end("GET");
  await clock.settleUntil(() => isDone, 600_000);
  expect(received).toBe(bytes);
  recorder.close();
  return { file: file(), recorder };
}

test("a download", async () => {
  const { file, recorder } = await download(100_000);
  const result = replayHere(file);
  expect(result).toMatchObject(SAME);
  expect(result.calls).toBe(recorder.calls);
});
