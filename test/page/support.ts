// Visitors of /live: over Ferrule's own sockets on the virtual clock.

import http from "node:http";
import type { Duplex } from "node:stream";
import { expect } from "vitest";
import { createHttpService } from "../../host/apps/http_server.js";
import type { Connection, Usage } from "../../host/apps/info.js";
import type { Ending, Sample } from "../../host/apps/page/sample.js";
import type { CoreConfig } from "../../host/core.js";
import type { Socket } from "../../host/net.js";
import { createPair, RIGHT } from "../host/support.js";

/** Virtual time for one step of a test, in milliseconds. */
const STEP_MS = 60_000;

/** All that a sample says. */
export type FullSample = Sample & {
  connection: Connection;
  usage: { connections: Usage };
};

/** A web server on the right, and visitors on the left. */
export async function startSite(config: Partial<CoreConfig> = {}) {
  const limits = { sendRingBytes: 32768, receiveRingBytes: 32768, synEntries: 8, ...config };
  const pair = createPair({ ...limits, connections: 32 }, { connections: 8, ...config });
  const service = createHttpService(pair.right, { version: "0.0.0", moduleBytes: 1 });
  /** The device's ends of the connections, in the order they came. */
  const accepted: Socket[] = [];
  service.server.on("connection", (socket: Socket) => accepted.push(socket));
  service.server.listen({ port: 80, backlog: 16 });
  // Until the device has announced its address.
  await pair.clock.settle(5000);
  return { ...pair, service, accepted };
}

export type Site = Awaited<ReturnType<typeof startSite>>;

/** Lets time pass until `done()`. */
export async function until({ clock }: Site, done: () => boolean): Promise<void> {
  expect(await clock.settleUntil(done, STEP_MS), `in time: ${done}`).toBe(true);
}

/** Ends the site; nothing may be left of it. */
export async function stopSite(site: Site): Promise<void> {
  site.service.live.stop();
  site.service.http.close();
  site.service.http.closeIdleConnections();
  site.service.server.close();
  await until(site, () => site.right.host.core.header().connectionsUsed === 0);
  expect(site.service.live.usage.used).toBe(0);
}

/** What a visitor got. */
export interface Visit {
  readonly socket: Socket;
  response: http.IncomingMessage | undefined;
  /** All of the answer's body, decoded from its chunks. */
  body: string;
  ended: boolean;
}

/** Asks for `path` over a connection of its own. */
export function visit(site: Site, path: string, method = "GET"): Visit {
  const socket = site.left.connect({ host: RIGHT.address, port: 80, allowHalfOpen: true });
  socket.on("error", () => {});
  const made: Visit = { socket, response: undefined, body: "", ended: false };
  // With an agent, Node would not ask for this socket.
  const request = http.request({
    ...{ method, path, headers: { Connection: "keep-alive" } },
    createConnection: () => socket as Duplex,
  });
  request.on("error", () => {
    made.ended = true;
  });
  request.on("response", (response) => {
    made.response = response;
    response.setEncoding("latin1").on("data", (text: string) => {
      made.body += text;
    });
    response.on("error", () => {});
    response.on("close", () => {
      made.ended = true;
    });
  });
  request.end();
  return made;
}

/** The events of a stream that have come in whole. */
export function eventsOf({ body }: Visit): { name: string; data: string }[] {
  const whole = body.slice(0, body.lastIndexOf("\n\n") + 2);
  return whole
    .replace(/^:.*\n/gm, "")
    .split("\n\n")
    .map((text) => ({
      name: /^event: (.*)$/m.exec(text)?.[1] ?? "message",
      data: /^data: (.*)$/m.exec(text)?.[1] ?? "",
    }))
    .filter(({ data }) => data !== "");
}

/** The samples of a stream. */
export function samplesOf(visit: Visit): FullSample[] {
  return eventsOf(visit)
    .filter(({ name }) => name === "message")
    .map(({ data }) => JSON.parse(data));
}

/** What the device said at the end of a stream. */
export function endingOf(visit: Visit): Ending | undefined {
  const end = eventsOf(visit).find(({ name }) => name === "end");
  return end && JSON.parse(end.data);
}
