// The device's HTTP server: Node's own, over Ferrule's sockets.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Duplex, pipeline } from "node:stream";
import type { Net, Server as NetServer, Socket } from "../net.js";
import { renderPage } from "./http_page.js";
import { describe, type Module } from "./info.js";
import { LiveStreams, MAX_LOAD, parseLoad } from "./live.js";
import { type PageFiles, readPageFiles } from "./page_files.js";
import { reproducibleBytes, sha256OfBytes } from "./reproducible_bytes.js";

/** Longest answer of /bytes, in bytes. */
const MAX_BYTES = 2 ** 30;

/** Requests that may wait on a connection for the answers before theirs; who sends more is reset. */
const MAX_PIPELINED = 64;

/** What is told is filled up to a multiple of this: load generators take a length that changes for a failure. */
const STEP_BYTES = 2048;

const HELP = `There is nothing here. Try:
  GET  /         what the stack knows of your connection
  GET  /info     the same as JSON
  GET  /bytes/N  N reproducible bytes, 0 to ${MAX_BYTES}
  POST /echo     your body comes back
  GET  /live     what the stack knows of this connection, several times a second (server-sent events);
                 /live?load=N puts N bytes per second on it, /live?load=full as many as it takes
`;

/** The two halves of the device's web server. */
export interface HttpService {
  /** Ferrule's side: listen on this, close this. */
  server: NetServer;
  /** Node's side. */
  http: Server;
  /** Requests that were answered or given up. */
  readonly requests: number;
  /** The streams of /live. Whoever stops the service stops these, too. */
  readonly live: LiveStreams;
}

/** What answers are made of. */
interface Device {
  readonly net: Net;
  readonly page: PageFiles;
  readonly live: LiveStreams;
  module(): Module & { requests: number };
}

/** A web server on `net` that does not listen yet; `module` is what it says of itself. */
export function createHttpService(net: Net, module: Module): HttpService {
  let requests = 0;
  const told = () => ({ ...module, requests });
  const device: Device = { net, page: readPageFiles(), live: new LiveStreams(net, told), module: told };
  const http = createServer((request, response) => {
    response.once("close", () => requests++);
    inTurn(request, response, () => answer(request, response, device));
  });
  // Node's server allows half-open connections and decides itself when to end them.
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.setNoDelay(true);
    http.emit("connection", socket);
  });
  // Node's server starts to look for clients that dawdle with their requests when it hears this.
  server.on("listening", () => http.emit("listening"));
  return {
    server,
    http,
    live: device.live,
    get requests() {
      return requests;
    },
  };
}

/** Requests that wait, by connection. */
const pipelined = new WeakMap<Duplex, number>();

/**
 * Calls `run` once all requests before this one on its connection are answered, or never, when the connection ends
 * first. Node hands over requests as they come: a visitor could have any number of answers made at a time, or a live
 * stream each, with a single connection.
 */
function inTurn({ socket }: IncomingMessage, response: ServerResponse, run: () => void): void {
  if (response.socket) {
    run();
    return;
  }
  const waiting = (pipelined.get(socket) ?? 0) + 1;
  pipelined.set(socket, waiting);
  if (waiting > MAX_PIPELINED) socket.resetAndDestroy();
  response.once("socket", () => {
    pipelined.set(socket, (pipelined.get(socket) ?? 1) - 1);
    run();
  });
}

function answer(request: IncomingMessage, response: ServerResponse, device: Device): void {
  const { core } = device.net.host;
  // The next visitor would find no record: let nobody keep one without need.
  if (core.header().connectionsUsed === core.config.connections) response.setHeader("Connection", "close");
  response.setHeader("X-Content-Type-Options", "nosniff");
  const path = (request.url ?? "/").replace(/[?#].*$/s, "");
  if (path === "/echo") {
    if (allows(request, response, "POST")) echo(request, response);
  } else if (path === "/" || path === "/info") {
    if (allows(request, response, "GET", "HEAD")) tell(request, response, path, device);
  } else if (path === "/live") {
    if (allows(request, response, "GET", "POST")) stream(request, response, device.live);
  } else if (path.startsWith("/bytes/")) {
    if (allows(request, response, "GET", "HEAD")) void sendBytes(request, response, path.slice(7));
  } else send(response, 404, "text/plain", HELP);
}

function tell(request: IncomingMessage, response: ServerResponse, path: "/" | "/info", device: Device): void {
  const { net, page, live, module } = device;
  // Only Ferrule's sockets are ever given to this server.
  const info = describe(net.host.core, request.socket as unknown as Socket, module());
  if (path === "/info") {
    send(response, 200, "application/json", filledUp(JSON.stringify(info, null, 2)));
    return;
  }
  response.setHeader("Content-Security-Policy", page.policy);
  response.setHeader("Referrer-Policy", "no-referrer");
  send(response, 200, "text/html", filledUp(renderPage({ ...info, streams: live.usage }, page)));
}

/** GET begins a stream, POST changes the load of one. */
function stream(request: IncomingMessage, response: ServerResponse, live: LiveStreams): void {
  const query = new URLSearchParams(/\?([^#]*)/.exec(request.url ?? "")?.[1]);
  const load = parseLoad(query.get("load") ?? (request.method === "GET" ? "0" : null));
  if (load === undefined) {
    const wanted = `load=N with N from 0 to ${MAX_LOAD} bytes per second, or load=full`;
    send(response, 400, "text/plain", `Ask for ${wanted}.\n`);
  } else if (request.method === "POST") {
    if (live.setLoad(query.get("id") ?? "", load)) response.writeHead(204).end();
    else send(response, 404, "text/plain", "There is no live stream with this id (any more).\n");
  } else {
    const { refusal } = live;
    if (refusal === undefined) live.begin(request, response, load);
    else send(response.setHeader("Retry-After", "3"), 503, "text/plain", refusal);
  }
}

function filledUp(text: string): string {
  const missing = STEP_BYTES - (Buffer.byteLength(text) % STEP_BYTES);
  return `${text}${" ".repeat(missing - 1)}\n`;
}

/** Whether the request has one of `methods`; if not, it has been answered. */
function allows(request: IncomingMessage, response: ServerResponse, ...methods: string[]): boolean {
  if (methods.includes(request.method ?? "")) return true;
  response.setHeader("Allow", methods.join(", "));
  send(response, 405, "text/plain", `Only ${methods.join(" and ")} here.\n`);
  return false;
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  const octets = Buffer.from(body);
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Length": octets.length,
    "Cache-Control": "no-store",
  });
  // Node leaves the body out of an answer to HEAD.
  response.end(octets);
}

async function sendBytes(request: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
  const length = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(length <= MAX_BYTES)) {
    send(response, 400, "text/plain", `Ask for /bytes/N with N from 0 to ${MAX_BYTES}.\n`);
    return;
  }
  // The connection may end while the digest is computed.
  const digest = await sha256OfBytes(length, () => !response.destroyed);
  if (digest === undefined || response.destroyed) return;
  response.writeHead(200, {
    "Content-Type": "application/octet-stream",
    "Content-Length": length,
    "X-Content-SHA256": digest,
  });
  if (request.method === "HEAD") response.end();
  // A client that goes away in the middle ends both streams; nothing is left to do then.
  else pipeline(reproducibleBytes(length), response, () => {});
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const { "content-length": length, "content-type": type } = request.headers;
  if (length !== undefined) response.setHeader("Content-Length", length);
  response.setHeader("Content-Type", type ?? "application/octet-stream");
  pipeline(request, response, () => {});
}
