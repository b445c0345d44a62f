// `ferrule get`: Ferrule as the client, of a web server that the Linux kernel reaches.

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { get as httpGet, type IncomingMessage } from "node:http";
import { isIPv4 } from "node:net";
import type { Duplex } from "node:stream";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Advice } from "../advice.js";
import { realClock } from "../clock.js";
import { formatBytes } from "../console.js";
import { bootCore, RING_BYTES } from "../device.js";
import type { DhcpClient } from "../dhcp.js";
import { Host } from "../host.js";
import type { TapLink } from "../link/tap.js";
import type { TapOptions } from "../link/tap_setup.js";
import { Net, type Socket } from "../net.js";
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  integer,
  readArguments,
  readModule,
  ringSize,
  seedFrom,
  UsageError,
} from "./command.js";
import { chosenEngine, ENGINE_HELP, ENGINE_OPTION } from "./engine_option.js";
import { OBSERVER_HELP, OBSERVER_OPTIONS, Observers } from "./observers.js";
import {
  deviceConfig,
  leased,
  SERVICE_HELP,
  SERVICE_OPTIONS,
  type Services,
  servicesOf,
} from "./service_options.js";
import { TAP_HELP, TAP_OPTIONS, tapOptions } from "./tap_options.js";

/** How often it tells how far it is, in milliseconds. */
const PROGRESS_MS = 2000;

/** How long the last segments may take, in milliseconds. */
const SETTLE_MS = 1000;

const OPTIONS = {
  output: { type: "string", short: "o" },
  timeout: { type: "string", default: "60" },
  ring: { type: "string", default: String(RING_BYTES) },
  seed: { type: "string" },
  ...SERVICE_OPTIONS,
  ...ENGINE_OPTION,
  ...TAP_OPTIONS,
  ...OBSERVER_OPTIONS,
} as const;

const HELP = `Usage: ferrule get URL [options]

Fetches an http URL over Ferrule: the Wasm core opens the connection, through an interface of the
Linux kernel. Prints the length and the SHA-256 of what came.

  --output FILE, -o      writes the body there; default nowhere
  --timeout S            gives up after S seconds without a byte, 1 to 3600, default 60
  --ring BYTES           size of each of the connection's two rings, default ${RING_BYTES}
  --seed HEX             64 hex digits in place of fresh randomness
${SERVICE_HELP}
${ENGINE_HELP}
${TAP_HELP}
${OBSERVER_HELP}

Example, with a web server of this machine on port 8000 (python3 -m http.server):
  sudo ferrule get http://10.0.0.1:8000/ -o page.html
`;

export const get: Command = {
  summary: "fetches a URL over Ferrule, through a TAP interface",
  help: HELP,
  async run(args) {
    const { values, positionals } = readArguments("get", args, OPTIONS, 1);
    const url = parseUrl(positionals[0], values.dhcp || values.dns !== undefined);
    const timeoutMs = 1000 * integer("timeout", values.timeout, 1, 3600);
    const ringBytes = ringSize(values.ring);
    const tapAt = tapOptions(values);
    const seed = seedFrom(values.seed);
    const services = servicesOf(values);
    const wasm = readModule(services ? "standard" : "core");
    const observers = new Observers(values, realClock, await chosenEngine(values.engine));
    try {
      const { openTap } = await import("../link/tap_setup.js");
      const tap = await openTap(tapAt);
      try {
        const host = bootHost(tap, tapAt, { wasm, seed, ringBytes, services }, observers);
        const lost = new AbortController();
        tap.onLost = (code) => lost.abort(new Advice(`the interface ${tap.name} went away (${code})`));
        try {
          const client = values.dhcp ? await leasedHere(host, lost.signal) : undefined;
          const code = await fetch(new Net(host), {
            url,
            timeoutMs,
            output: values.output,
            signal: lost.signal,
          });
          client?.release();
          return code;
        } catch (error) {
          throw lost.signal.aborted ? lost.signal.reason : error;
        } finally {
          await settle(host);
          host.close();
        }
      } finally {
        await tap.close();
      }
    } finally {
      observers.close();
    }
  },
};

interface Boot {
  readonly wasm: Uint8Array;
  readonly seed: Uint8Array;
  readonly ringBytes: number;
  readonly services: Services | undefined;
}

/** Waits for a lease, and says what it is. */
async function leasedHere(host: Host, signal: AbortSignal): Promise<DhcpClient> {
  const { client, told } = await leased(host, signal);
  console.log(told);
  return client;
}

function bootHost(
  tap: TapLink,
  tapAt: TapOptions,
  { wasm, seed, ringBytes, services }: Boot,
  observers: Observers,
): Host {
  const { engineFor, wrapLink } = observers.hooks;
  const config = {
    ...deviceConfig(tapAt, services),
    // A long answer of a DNS server takes a connection, too.
    connections: services ? 2 : 1,
    listeners: 0,
    seed,
  };
  const core = bootCore(wasm, realClock, config, {
    ringBytes,
    ...(engineFor && { engine: engineFor("device") }),
  });
  return new Host(core, wrapLink?.(tap, "device", core) ?? tap, realClock);
}

/** What is fetched: see HELP. `signal` ends it. */
interface Fetch {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly output: string | undefined;
  readonly signal: AbortSignal;
}

async function fetch(net: Net, { output, ...what }: Fetch): Promise<number> {
  const begun = realClock.now();
  const response = await request(net, what);
  const socket = response.socket as unknown as Socket;
  const hash = createHash("sha256");
  let bytes = 0;
  let spoken = begun;
  response.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    if (realClock.now() - spoken < PROGRESS_MS) return;
    spoken = realClock.now();
    console.log(`${formatBytes(bytes)}, ${rate(bytes, begun)}`);
  });
  const info = () => socket.tcpInfo();
  let last = info();
  response.on("data", () => {
    last = info() ?? last;
  });
  const sink = output === undefined ? nowhere() : createWriteStream(output);
  let problem: string | undefined;
  sink.once("error", ({ message }: Error) => {
    // When the answer breaks off, the file hears of that, too.
    if (!response.errored) problem ??= `--output ${output}: ${message}`;
  });
  socket.once("timeout", () => {
    problem ??= silence(what.timeoutMs);
  });
  await pipeline(response, sink).catch((error: NodeJS.ErrnoException) => {
    throw new Advice(`${problem ?? error.code ?? error.message} after ${formatBytes(bytes)}`);
  });
  console.log(`HTTP ${response.statusCode}, ${bytes} bytes, ${rate(bytes, begun)}
SHA-256 ${hash.digest("hex")}`);
  if (last)
    console.log(
      `${last.segmentsIn} segments in, ${last.outOfOrder} out of order, round trip ${last.rttMs} ms, on ${net.host.core.engine.name}`,
    );
  return response.statusCode === 200 ? EXIT_OK : EXIT_FAILURE;
}

function request(net: Net, { url, timeoutMs, signal }: Omit<Fetch, "output">): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const createConnection = () => {
      const socket = net.connect({ host: url.hostname, port: Number(url.port || 80) });
      // An address that nothing can be sent to fails at once, before the request listens.
      socket.once("error", (error) => asked.socket ?? asked.destroy(error));
      if (!socket.destroyed) socket.setTimeout(timeoutMs);
      return socket as unknown as Duplex as never;
    };
    // Without an agent: any agent would connect through the kernel.
    const asked = httpGet(url, { createConnection, timeout: timeoutMs, signal }, resolve);
    asked.on("timeout", () => asked.destroy(new Error(silence(timeoutMs))));
    asked.on("error", (error) => reject(new Advice(`${url}: ${error.message}`)));
  });
}

function silence(timeoutMs: number): string {
  return `nothing came for ${timeoutMs / 1000} s`;
}

/** Lets the connection end, for a bounded time. */
async function settle(host: Host): Promise<void> {
  const limit = realClock.now() + SETTLE_MS;
  while (host.core.header().connectionsUsed > 0 && realClock.now() < limit)
    await new Promise<void>((resolve) => realClock.after(5, resolve));
}

function parseUrl(text: string | undefined, hasNames: boolean): URL {
  if (text === undefined) throw new UsageError("which URL? Try: ferrule help get");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || url.hostname.startsWith("["))
    throw new UsageError(
      `${text} is not possible: give an http URL with an IPv4 address, as in http://10.0.0.1:8000/`,
    );
  if (!isIPv4(url.hostname) && !hasNames)
    throw new UsageError(`${url.hostname} is a name: say who knows it, with --dhcp or --dns`);
  return url;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

function rate(bytes: number, begun: number): string {
  return `${formatBytes((1000 * bytes) / Math.max(1, realClock.now() - begun))}/s`;
}
