// Tests that fail, and one that passes, for recording.test.ts. No part of `npm test`.

import { expect, test } from "vitest";
import { createV8Engine } from "../../host/engines/v8.js";
import { createPair, RIGHT } from "../host/support.js";
import { builtModule, playScript } from "../script/script.js";

async function talk(): Promise<number> {
  const { clock, left, right } = createPair();
  right.createServer({}, (socket) => socket.pipe(socket)).listen({ port: 7 });
  const socket = left.connect({ host: RIGHT.address, port: 7 });
  let received = 0;
  socket.on("data", (data: Buffer) => {
    received += data.length;
  });
  socket.write("hello");
  await clock.settle(1000);
  return received;
}

test("hosts: this one / fails, of course", async () => {
  expect(await talk()).toBe(6);
});

test("this one passes", async () => {
  expect(await talk()).toBe(5);
});

test("a script that fails", () => {
  playScript(
    { goal: "", options: {}, play: (t) => t.accepted().expectState("CLOSED") },
    builtModule(),
    createV8Engine,
  );
});

test("one without a core fails", () => {
  expect(1).toBe(2);
});
