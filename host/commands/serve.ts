// `ferrule serve`: the main job.

import { isIPv4 } from "node:net";
import { Advice } from "../advice.js";
import { realClock } from "../clock.js";
import { ConnectionLog, formatBytes } from "../console.js";
import { DEFAULT_IDLE_MS, MAX_CONNECTIONS, RING_BYTES } from "../device.js";
import type { TapOptions } from "../link/tap_setup.js";
import type { PassageSource } from "../passages.js";
import { type DeviceServiceOptions, Service, TapService, type Totals } from "../serve.js";
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  integer,
  interrupted,
  plural,
  RING_LEAST,
  RING_MOST,
  readArguments,
  readModule,
  ringSize,
  seedFrom,
  UsageError,
  version,
} from "./command.js";
import { chosenEngine, ENGINE_HELP } from "./engine_option.js";
import { OBSERVER_HELP, OBSERVER_OPTIONS, Observers } from "./observers.js";
import { BOARD_HELP, serveBoard } from "./serve_board.js";
import { TAP_HELP, TAP_OPTIONS, tapOptions } from "./tap_options.js";

const OPTIONS = {
  link: { type: "string", default: "gateway" },
  port: { type: "string" },
  "echo-port": { type: "string" },
  address: { type: "string" },
  ...TAP_OPTIONS,
  connections: { type: "string" },
  ring: { type: "string" },
  "idle-timeout": { type: "string" },
  seed: { type: "string" },
  board: { type: "string" },
  image: { type: "string" },
  dhcp: { type: "boolean" },
  resolve: { type: "string" },
  engine: { type: "string" },
  ...OBSERVER_OPTIONS,
} as const;

/** Options that mean something with one link only. */
const GATEWAY_ONLY = ["port", "echo-port", "address"] as const;
const TAP_ONLY = ["tap", "device-address", "host-address"] as const;
const BOARD_ONLY = ["image", "dhcp", "resolve"] as const;
/** Options of the device in this process. */
const NO_BOARD = ["idle-timeout", "seed", "record"] as const;

const HELP = `Usage: ferrule serve [options]

Boots a device (the Wasm core with an HTTP and an echo server) and makes it reachable.
Stop it with Ctrl-C.

  --link gateway         the default: on loopback ports of this machine, without privileges
  --link tap             on an interface of the Linux kernel, which is then its TCP peer

With --link gateway:
  --port N               port of the HTTP server on this machine, default 8080; 0 for any
  --echo-port N          port of the echo server on this machine, default the port after --port
  --address A            loopback address to listen on, default 127.0.0.1

With --link tap:
${TAP_HELP}

With both:
  --connections N        connection records of the device, 1 to ${MAX_CONNECTIONS}, default 64
  --ring BYTES           size of each of a connection's two rings, ${RING_LEAST} to ${RING_MOST}, a multiple of 4,
                         default ${RING_BYTES}
  --idle-timeout S       resets connections on which nothing moved for S seconds, 1 to 86400,
                         default ${DEFAULT_IDLE_MS / 1000}
  --seed HEX             64 hex digits in place of fresh randomness (sequence numbers move with the
                         clock, too)
${ENGINE_HELP}
${OBSERVER_HELP}

On an emulated board, in place of the device in this process:
${BOARD_HELP}

Examples:
  ferrule serve --port 9000
  ferrule serve --board qemu-riscv --pcap board.pcapng
  ferrule serve --board qemu-xtensa --link slirp --dhcp --resolve example.com
  ferrule serve --pcap device.pcapng --impair loss=2%,delay=20ms
  sudo ferrule serve --link tap
  unshare -rn ferrule serve --link tap --device-address 192.168.77.2/24
`;

type Values = ReturnType<typeof read>;

export const serve: Command = {
  summary: "a device with an HTTP and an echo server, on this machine",
  help: HELP,
  async run(args) {
    const values = read(args);
    const refused = values.link === "tap" ? GATEWAY_ONLY : TAP_ONLY;
    const stray = refused.find((name) => values[name] !== undefined);
    if (stray) throw new UsageError(`--${stray} means nothing with --link ${values.link}`);
    const ofBoard = BOARD_ONLY.find((name) => values[name] !== undefined);
    if (ofBoard && values.board === undefined)
      throw new UsageError(`--${ofBoard} is for firmware: say for which --board`);
    if (values.board !== undefined) return await serveOnBoard(values, values.board);
    if (values.link === "tap") return await serveOnTap(values);
    if (values.link === "gateway") return await serveOnGateway(values);
    throw new UsageError(`--link ${values.link} is not known: give gateway or tap`);
  },
};

function read(args: readonly string[]) {
  return readArguments("serve", args, OPTIONS).values;
}

async function serveOnBoard(values: Values, board: string): Promise<number> {
  const stray = NO_BOARD.find((name) => values[name] !== undefined);
  if (stray) throw new UsageError(`--${stray} is not for firmware: it means nothing with --board`);
  return await serveBoard({ ...values, board }, localPorts(values)).catch(explainPort);
}

async function serveOnGateway(values: Values): Promise<number> {
  const local = localPorts(values);
  const { address } = local;
  const { device, observers } = await common(values);
  const options = { ...device, ...local };
  try {
    const service = new Service(options);
    const ports = await service.start(options).catch(explainPort);
    const http = `${address}:${ports.port}`;
    await untilInterrupted(service.passages, greeting(device, http, `${address} ${ports.echoPort}`));
    return await stop(service, observers);
  } finally {
    observers.close();
  }
}

/** Where this machine listens. */
function localPorts(values: Values): { address: string; port: number; echoPort: number } {
  const port = integer("port", values.port ?? "8080", 0, 65535);
  const echoPort = integer("echo-port", values["echo-port"] ?? String(nextPort(port)), 0, 65535);
  const address = values.address ?? "127.0.0.1";
  if (!isIPv4(address) || !address.startsWith("127."))
    throw new UsageError(`--address ${address} is not a loopback address: give one from 127.0.0.0/8`);
  return { port, echoPort, address };
}

async function serveOnTap(values: Values): Promise<number> {
  const tap = tapOptions(values);
  const { device, observers } = await common(values);
  try {
    return await serveOn(tap, device, observers);
  } finally {
    observers.close();
  }
}

async function serveOn(tap: TapOptions, device: DeviceServiceOptions, observers: Observers): Promise<number> {
  const service = await TapService.start({ ...device, tap });
  const { inUserNamespace } = await import("../link/tap_setup.js");
  const where = inUserNamespace()
    ? `\n\nThat is in a network namespace of its own. From another terminal, before each command:
  nsenter --preserve-credentials -U -n -t ${process.pid}`
    : "";
  const device_ = tap.deviceAddress;
  const text = greeting(device, device_, `${device_} 7`, `  ping ${device_}\n`, where);
  const code = await untilInterrupted(service.passages, text, service.lost);
  const exit = await stop(service, observers);
  if (code === undefined) return exit;
  throw new Advice(`the interface ${tap.name} went away (${code}): something else removed it`);
}

async function common(values: Values): Promise<{ device: DeviceServiceOptions; observers: Observers }> {
  const ringBytes = ringSize(values.ring ?? String(RING_BYTES));
  const connections = integer("connections", values.connections ?? "64", 1, MAX_CONNECTIONS);
  const seed = seedFrom(values.seed);
  const observers = new Observers(values, realClock, await chosenEngine(values.engine ?? "v8"));
  const device: DeviceServiceOptions = {
    wasm: readModule(),
    version: version(),
    connections,
    ringBytes,
    idleMs:
      1000 * integer("idle-timeout", values["idle-timeout"] ?? String(DEFAULT_IDLE_MS / 1000), 1, 86_400),
    seed,
    ...observers.hooks,
  };
  return { device, observers };
}

function greeting(
  { wasm, version, connections }: DeviceServiceOptions,
  http: string,
  echo: string,
  ping = "",
  where = "",
): string {
  return `Ferrule ${version}: a device of ${wasm.length} bytes of Wasm is up, with room for
${connections} connections. Try:

${ping}  curl http://${http}/
  curl http://${http}/info
  curl -o bytes -D - http://${http}/bytes/104857600 && sha256sum bytes
  curl --data-binary @bytes -o echoed http://${http}/echo && cmp bytes echoed
  nc ${echo}        (echoes what you type)${where}

Ctrl-C stops it. Connections, as they come and go:`;
}

/** Shows connections until a signal comes, or `otherwise`, whose value it returns then. */
async function untilInterrupted<T>(
  passages: PassageSource,
  text: string,
  otherwise?: Promise<T>,
): Promise<T | undefined> {
  const log = new ConnectionLog(passages, realClock, (line) => console.log(line));
  // First: whoever reads the text may send the signal at once.
  const signal = interrupted();
  console.log(text);
  const ended = await Promise.race([signal, ...(otherwise ? [otherwise] : [])]);
  console.log("\nStopping.");
  log.stop();
  return ended as T | undefined;
}

async function stop(service: Service | TapService, observers: Observers): Promise<number> {
  const totals = await service.stop();
  observers.close();
  report(totals);
  return totals.recordsLeft === 0 ? EXIT_OK : EXIT_FAILURE;
}

function report(totals: Totals): void {
  const turnedAway = totals.turnedAway > 0 ? ` (${totals.turnedAway} turned away)` : "";
  const named = Object.entries(totals.dropsByName).map(([name, count]) => `${count} ${name}`);
  const drops = named.length > 0 ? `: ${named.join(", ")}` : "";
  const records =
    totals.recordsLeft === 0
      ? "all connection records were returned"
      : `${plural(totals.recordsLeft, "connection record")} not returned: this is a bug`;
  console.log(`${plural(totals.clients, "connection")}${turnedAway}, ${plural(totals.requests, "HTTP request")}
${formatBytes(totals.bytesToDevice)} to the device, ${formatBytes(totals.bytesFromDevice)} from it
${plural(totals.retransmits, "retransmission")}, ${plural(totals.drops, "drop")}${drops}
${records}`);
}

/** The port after `port`; 0, the machine's choice, where there is none. */
function nextPort(port: number): number {
  return port === 0 || port === 65535 ? 0 : port + 1;
}

function explainPort(error: NodeJS.ErrnoException & { port?: number }): never {
  if (error.code === "EADDRINUSE")
    throw new Advice(`port ${error.port} is in use: give another with --port or --echo-port`);
  if (error.code === "EACCES")
    throw new Advice(`port ${error.port} is reserved: give one from 1024 up with --port`);
  throw error;
}
