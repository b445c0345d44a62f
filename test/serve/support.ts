// A whole service on free loopback ports, and the clients that the tests need.

import { connect, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type ServeOptions, Service } from "../../host/serve.js";
import { wasm } from "../host/support.js";
import { testEngine } from "../report/engine.js";

/** How long a test waits for something to come true, in milliseconds; reaching it is a failure. */
const PATIENCE_MS = 20_000;

export async function startService(options: Partial<ServeOptions> = {}) {
  const all: ServeOptions = {
    wasm,
    version: "0.0.0",
    address: "127.0.0.1",
    port: 0,
    echoPort: 0,
    connections: 64,
    seed: new Uint8Array(32).fill(7),
    engineFor: () => testEngine,
    ...options,
  };
  const service = new Service(all);
  const { port, echoPort } = await service.start(all);
  return { service, port, echoPort, url: `http://127.0.0.1:${port}` };
}

/** Waits until `done()`, for a bounded time. */
export async function until(done: () => boolean): Promise<void> {
  const limit = performance.now() + PATIENCE_MS;
  while (!done()) {
    if (performance.now() > limit) expect.fail(`not in ${PATIENCE_MS} ms: ${done}`);
    await sleep(5);
  }
}

/** A connection to `port` of this machine; its errors are kept, not thrown. */
export function connectLocal(port: number): Socket & { codes: string[] } {
  const codes: string[] = [];
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", (error: NodeJS.ErrnoException) => codes.push(error.code ?? error.message));
  return Object.assign(socket, { codes });
}

/** Waits until the device has no connection, then asserts that it and the gateway hold nothing. */
export async function expectNoConnections(service: Service): Promise<void> {
  const cores = [service.device.core, service.gatewayHost.core];
  await until(() => cores.every((core) => core.header().connectionsUsed === 0));
  for (const core of cores) {
    expect(core.header().timeWaitUsed).toBeLessThanOrEqual(core.config.timeWaitEntries);
  }
  expect([service.gateway.open, service.gateway.waiting]).toEqual([0, 0]);
  // The two servers' listeners are all that is being listened to.
  expect([service.device.watched, service.gatewayHost.watched]).toEqual([2, 0]);
}

/** All that a stream gives until it ends. Unlike an iterator, this leaves the stream's other direction alone. */
export function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
  });
}
