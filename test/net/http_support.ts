// Node's HTTP server on a device, and clients that reach it through the other core.

import http from "node:http";
import type { Duplex } from "node:stream";
import { expect } from "vitest";
import type { Net, Server, Socket } from "../../host/net.js";
import { createPair, expectNothingLeft, RIGHT } from "../host/support.js";

/** Virtual time for one step of a test, in milliseconds. */
const STEP_MS = 600_000;

/** How often `until` lets Node's threads have a turn, at most. */
const ROUNDS = 5000;

/** Virtual time in which everything that is over has left the cores, in milliseconds. */
const CLEAN_MS = 3_600_000;

/** Node's agent over Ferrule: this is all that it takes. */
export class Agent extends http.Agent {
  constructor(
    readonly net: Net,
    options: http.AgentOptions = {},
  ) {
    super(options);
  }

  override createConnection(options: { host: string; port: number }): Duplex {
    return this.net.connect(options);
  }
}

export interface Site {
  readonly pair: ReturnType<typeof createPair>;
  readonly http: http.Server;
  readonly server: Server;
  readonly sockets: Socket[];
  readonly url: string;
  /** Lets virtual time pass until `promise` is settled. */
  wait<T>(promise: Promise<T>): Promise<T>;
  /** As `wait`, for what is done when `done()` is; threads of Node's may have a part in it. */
  until(done: () => boolean): Promise<void>;
  /** Closes the server and asserts that no record is in use on either side. */
  close(): Promise<void>;
}

/** A site on the right host's port 80. */
export function createSite(answer: http.RequestListener = () => {}): Site {
  const pair = createPair({ connections: 32, synEntries: 64, sendRingBytes: 16384, receiveRingBytes: 16384 });
  const service = http.createServer(answer);
  const sockets: Socket[] = [];
  const server = pair.right.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    service.emit("connection", socket);
  });
  server.listen(80);
  return {
    pair,
    http: service,
    server,
    sockets,
    url: `http://${RIGHT.address}`,
    async wait(promise) {
      let settled = false;
      const done = promise.finally(() => {
        settled = true;
      });
      done.catch(() => {});
      expect(await pair.clock.settleUntil(() => settled, STEP_MS), "in time").toBe(true);
      return done;
    },
    async until(done) {
      for (let round = 0; round < ROUNDS; round++) {
        if (await pair.clock.settleUntil(done, STEP_MS / ROUNDS)) return;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect.fail(`not in time: ${done}`);
    },
    async close() {
      server.close();
      service.close();
      service.closeAllConnections();
      await pair.clock.settle(CLEAN_MS);
      expectNothingLeft(pair.left.host);
      expectNothingLeft(pair.right.host);
    },
  };
}

/** A request with `http.request`; resolves to the answer and its body. */
export function request(
  url: string,
  options: http.RequestOptions,
  body?: Uint8Array | string,
): Promise<{ response: http.IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = http.request(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ response, body: Buffer.concat(parts) }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
