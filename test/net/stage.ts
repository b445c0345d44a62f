// Scenarios that are played twice, over Ferrule in virtual time and over Node's own net on loopback, and must give the
// same log. What a scenario expects is written down, too: two wrong logs could agree.

import type { EventEmitter } from "node:events";
import nodeNet, { type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { ConnectOptions, Server, ServerOptions, Socket, SocketOptions } from "../../host/net.js";
import { createPair, expectNothingLeft, RIGHT } from "../host/support.js";

/** Virtual time for a scenario, in milliseconds; longer than any time-out of the core. */
const VIRTUAL_MS = 3_600_000;

/** Real time for a scenario over Node, in milliseconds. */
const REAL_MS = 20_000;

/** Turns of the event loop after each pause over Node: what is under way arrives, however late the timer was. */
const TURNS = 20;

/** Lines by the name of who they are about: between two sockets there is no order to compare. */
export type Log = Record<string, string[]>;

type Connect = Omit<ConnectOptions, "port" | "host"> & { host?: string };

/** What a scenario plays on. Types are Ferrule's on both stages. */
export interface Stage {
  /** The server's address. */
  readonly host: string;
  createServer(options?: ServerOptions, onConnection?: (socket: Socket) => void): Server;
  /** A socket of the client's side without a connection. */
  createSocket(options?: SocketOptions): Socket;
  connect(port: number, options?: Connect): Socket;
  /** Listens on any port, and tells which. */
  listen(server: Server): Promise<number>;
  /** A connection: both sockets, and the server. */
  pair(
    options?: ServerOptions,
    clientOptions?: Connect,
  ): Promise<{ server: Server; client: Socket; peer: Socket }>;
  log(who: string, what: unknown): void;
  /** Logs the events of a socket. */
  watch(who: string, socket: Socket): Socket;
  /** The arguments of the next such event. */
  event(emitter: EventEmitter, name: string): Promise<unknown[]>;
  pause(ms: number): Promise<void>;
}

export type Scenario = (stage: Stage) => Promise<void>;

/** A test that plays `scenario` over Ferrule and over Node and wants `expected` of both. */
export function same(name: string, expected: Log, scenario: Scenario): void {
  test(name, async () => {
    expect(await overFerrule(scenario), "over Ferrule").toEqual(expected);
    expect(await overNode(scenario), "over Node").toEqual(expected);
  });
}

/** Plays `scenario` over two cores; afterwards nothing may be left in use. */
export async function overFerrule(scenario: Scenario): Promise<Log> {
  const pair = createPair({ connections: 16, listeners: 4, synEntries: 32 });
  const { clock, left, right } = pair;
  const made = new Made();
  const stage = createStage(made, {
    host: RIGHT.address,
    createServer: (options, onConnection) => right.createServer(options, onConnection),
    createSocket: (options) => left.createSocket(options),
    connect: (options) => left.connect(options),
    listen: (server, done) => server.listen(0, done),
    pause: (ms, done) => void clock.after(ms, done),
  });
  let settled = false;
  const played = scenario(stage).finally(() => {
    settled = true;
  });
  played.catch(() => {});
  expect(await clock.settleUntil(() => settled, VIRTUAL_MS), `in time: ${scenario}`).toBe(true);
  await played;
  made.end();
  await clock.settle(VIRTUAL_MS);
  expectNothingLeft(left.host);
  expectNothingLeft(right.host);
  return made.log;
}

/** Plays `scenario` over Node's own net. */
export async function overNode(scenario: Scenario): Promise<Log> {
  const made = new Made();
  const host = "127.0.0.1";
  const stage = createStage(made, {
    host,
    createServer: (options, onConnection) =>
      nodeNet.createServer(options, onConnection as never) as unknown as Server,
    createSocket: (options) => new nodeNet.Socket(options as never) as unknown as Socket,
    connect: (options) => nodeNet.connect(options as never) as unknown as Socket,
    listen: (server, done) => void (server as unknown as nodeNet.Server).listen(0, host, done),
    pause: (ms, done) => void setTimeout(() => afterTurns(TURNS, done), ms),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not in time over Node: ${scenario}`)), REAL_MS);
  });
  try {
    await Promise.race([scenario(stage), late]);
  } finally {
    clearTimeout(timer);
    made.end();
  }
  return made.log;
}

function afterTurns(turns: number, done: () => void): void {
  if (turns === 0) done();
  else setImmediate(() => afterTurns(turns - 1, done));
}

/** What differs between the two stages. */
interface Ground {
  readonly host: string;
  createServer(options: ServerOptions, onConnection: (socket: Socket) => void): Server;
  createSocket(options: SocketOptions): Socket;
  connect(options: ConnectOptions): Socket;
  listen(server: Server, done: () => void): void;
  pause(ms: number, done: () => void): void;
}

/** What a scenario made, to be put away after it. */
class Made {
  readonly log: Log = {};
  /** What happens after a scenario is not of it. */
  ended = false;
  readonly sockets = new Set<Socket>();
  readonly servers = new Set<Server>();

  /** Errors that a scenario does not expect end it as uncaught ones. */
  end(): void {
    this.ended = true;
    for (const socket of this.sockets) socket.on("error", () => {}).destroy();
    for (const server of this.servers) if (server.listening) server.close();
  }
}

function createStage(made: Made, ground: Ground): Stage {
  const keep = (socket: Socket): Socket => {
    made.sockets.add(socket);
    return socket;
  };
  const stage: Stage = {
    host: ground.host,
    createServer: (options = {}, onConnection = () => {}) => {
      const server = ground.createServer(options, (socket) => onConnection(keep(socket)));
      made.servers.add(server);
      return server;
    },
    createSocket: (options = {}) => keep(ground.createSocket(options)),
    connect: (port, options = {}) => keep(ground.connect({ host: ground.host, ...options, port })),
    listen: (server) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        ground.listen(server, () => resolve((server.address() as AddressInfo).port));
      }),
    pair: (options, clientOptions) => openPair(stage, options, clientOptions),
    log: (who, what) => {
      if (made.ended) return;
      made.log[who] ??= [];
      made.log[who].push(String(what));
    },
    watch: (who, socket) => watch(stage, who, socket),
    event: (emitter, name) => new Promise((resolve) => emitter.once(name, (...args) => resolve(args))),
    pause: (ms) => new Promise((resolve) => ground.pause(ms, resolve)),
  };
  return stage;
}

async function openPair(stage: Stage, options?: ServerOptions, clientOptions?: Connect) {
  const accepted: Socket[] = [];
  const server = stage.createServer(options, (socket) => accepted.push(socket));
  const port = await stage.listen(server);
  const came = stage.event(server, "connection");
  const client = stage.connect(port, { allowHalfOpen: options?.allowHalfOpen, ...clientOptions });
  await Promise.all([came, stage.event(client, "connect")]);
  return { server, client, peer: accepted[0] as Socket };
}

function watch(stage: Stage, who: string, socket: Socket): Socket {
  for (const name of ["connect", "ready", "end", "finish", "timeout", "drain"])
    socket.on(name, () => stage.log(who, name));
  socket.on("error", (error: NodeJS.ErrnoException) => stage.log(who, `error ${error.code}`));
  socket.on("close", (hadError?: boolean) => stage.log(who, `close ${hadError}`));
  return socket;
}
