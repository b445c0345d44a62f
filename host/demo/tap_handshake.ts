// The reference capture with servers that others have written: the whole life of a TCP client in a network of the Linux
// kernel, from its lease to TIME-WAIT.

import { once } from "node:events";
import { Advice } from "../advice.js";
import { Resolver } from "../dns.js";
import type { Host } from "../host.js";
import { Net, type Socket } from "../net.js";
import { readHttp } from "./dissect_stream.js";
import type { TapStage } from "./tap_stage.js";

/** Enough time for frames to come and go, and for a delayed ACK, in milliseconds. */
const MOMENT = 200;

/** How long servers may take for each of their parts, in milliseconds. */
const PATIENCE_MS = 20_000;

/** Longest page, with its head, in octets. */
const PAGE_MAX = 1_000_000;

export interface Asked {
  readonly host: Host;
  /** Name or IPv4 address of the server, whether it is a name, the port, and the path with its query. */
  readonly name: string;
  readonly isName: boolean;
  readonly port: number;
  readonly path: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Plays it, with an address that the device has. Resolves to what came of it. Throws Advice when a server does not play along. */
export async function tapHandshake(stage: TapStage, asked: Asked): Promise<string> {
  const { host, name, isName, port } = asked;
  const signal = AbortSignal.any([asked.signal, AbortSignal.timeout(PATIENCE_MS)]);
  stage.note(`device: ${isName ? `looks up ${name}, to connect` : "connects"} to its port ${port}`);
  const socket = new Net(host).connect({ host: name, port });
  let server = isName ? undefined : name;
  socket.once("lookup", (_error, address) => {
    server = address;
  });
  try {
    await step(once(socket, "connect", { signal }), `no connection to port ${port} of ${name}`);
    await stage.pass(MOMENT);
    stage.note("device: sends its request");
    socket.write(`GET ${asked.path} HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: Ferrule\r\n\r\n`);
    const page = await step(readPage(socket, signal), "no page");
    await stage.pass(MOMENT);
    stage.note(`device: has read ${page.length} octets, and closes`);
    socket.end();
    await step(once(socket, "close", { signal }), "the server does not close");
    await stage.pass(MOMENT);
    if (isName) await lookUpAgain(stage, host, name);
    const [first] = page.toString("latin1").split("\r\n");
    return `The page came: ${first}, ${page.length} octets with its head. The device ran on ${host.core.engine.name}.`;
  } finally {
    socket.destroy();
    stage.settleServer(server);
  }
}

/** Whether the resolver's cache has the name. */
async function lookUpAgain(stage: TapStage, host: Host, name: string): Promise<void> {
  const [atMs, frames] = [stage.clock.now(), stage.passages.length];
  const [address] = await step(new Resolver(host).resolve4(name), `${name} is not known any more`);
  const isKnown = stage.passages.slice(frames).every((passage) => stage.isForeign(passage));
  const how = isKnown ? "knows without asking" : "asks: its answer may be kept no longer";
  stage.note(`device: looks up ${name} again, and ${how}: ${address}`, atMs);
}

/** Reads a page whose head says how long it is. */
function readPage(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    socket.once("error", reject);
    socket.once("end", () => reject(new Error("the server has closed before it was there")));
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      const octets = Buffer.concat(parts);
      const head = octets.toString("latin1").split("\r\n\r\n", 1)[0] as string;
      const isHead = head.length < octets.length;
      if (octets.length > PAGE_MAX) reject(new Error(`more than ${PAGE_MAX} octets: choose a shorter one`));
      else if (isHead && !/^content-length:/im.test(head))
        reject(new Error("its server does not say how long it is: choose a file"));
      else if (readHttp(octets, 0).length !== undefined) resolve(octets);
    });
  });
}

async function step<T>(done: Promise<T>, problem: string): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof Advice) throw error;
    const { name, message } = error as Error;
    const why = name === "TimeoutError" ? `nothing for ${PATIENCE_MS / 1000} s` : message;
    throw new Advice(`${problem}: ${why}`);
  }
}
