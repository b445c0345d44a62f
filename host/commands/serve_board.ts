// `ferrule serve --board`: the main job as firmware on an emulated board.

import { existsSync } from "node:fs";
import { netmaskOf } from "../address.js";
import { type BoardReach, BoardService } from "../board_service.js";
import { realClock } from "../clock.js";
import { ConnectionLog } from "../console.js";
import { BOARD_NAMES, isBoardName } from "../emulator/boards.js";
import { createV8Engine } from "../engines/v8.js";
import { BOARD_ENGINES, type BoardEngine, builtFirmware } from "./board_build.js";
import {
  EXIT_FAILURE,
  EXIT_OK,
  integer,
  interrupted,
  plural,
  readModule,
  ringSize,
  seedFrom,
  UsageError,
} from "./command.js";
import { Observers } from "./observers.js";
import { tapOptions } from "./tap_options.js";

/** Connections of a board, and bytes of each of their rings, unless an option says otherwise. */
const CONNECTIONS = 8;
const RING_BYTES = 4096;

/** With the standard build of the core there is less memory for them. */
const CONNECTIONS_WITH_DHCP = 6;

/** How long a name may take, in milliseconds: longer than the board tries. */
const RESOLVE_MS = 60_000;

/** A board has little memory. */
const MAX_CONNECTIONS = 64;

export const BOARD_HELP = `  --board NAME           ${BOARD_NAMES.slice(0, 4).join(", ")},
                         ${BOARD_NAMES.slice(4).join(", ")}: builds firmware (cross compilers) and boots it
                         on an emulator; its console is shown. --engine wasm3, the default, or aot;
                         --connections default ${CONNECTIONS}, --ring default ${RING_BYTES}
  --image FILE           boots this firmware in place of one that is built
  --link slirp           with a board on QEMU: reached through the emulator's own network
  --dhcp                 with a board: the standard build of the core, whose address comes by DHCP: from the
                         gateway, from QEMU (slirp), or on TAP from the server that is there.
                         --connections default ${CONNECTIONS_WITH_DHCP}. The board can look names up, then
  --resolve NAME         with --dhcp: asks the board for the addresses of NAME, and shows them`;

export interface BoardValues {
  readonly board: string;
  readonly link: string;
  readonly image?: string;
  readonly engine?: string;
  readonly connections?: string;
  readonly ring?: string;
  readonly tap?: string;
  readonly "device-address"?: string;
  readonly "host-address"?: string;
  readonly impair?: string;
  readonly pcap?: string;
  readonly dhcp?: boolean;
  readonly resolve?: string;
}

/** Runs the board until a signal comes, or it ends by itself. `local`: where this machine listens. */
export async function serveBoard(
  values: BoardValues,
  local: { address: string; port: number; echoPort: number },
): Promise<number> {
  const { board } = values;
  if (!isBoardName(board))
    throw new UsageError(`--board ${board} is not known: give ${BOARD_NAMES.join(", ")}`);
  const engine = engineOf(values.engine);
  const reach = reachOf(values, local);
  if (reach.kind === "slirp" && (values.pcap ?? values.impair) !== undefined)
    throw new UsageError("--pcap and --impair see frames of this process only: not with --link slirp");
  const dhcp = values.dhcp === true;
  const name = nameOf(values);
  const usual = dhcp ? CONNECTIONS_WITH_DHCP : CONNECTIONS;
  const connections = integer("connections", values.connections ?? String(usual), 1, MAX_CONNECTIONS);
  const ringBytes = ringSize(values.ring ?? String(RING_BYTES));
  const defines = [...sizes(connections, usual, ringBytes), ...(dhcp ? [] : addresses(reach))];
  const image =
    values.image === undefined ? builtFirmware(board, engine, defines, dhcp) : givenImage(values, defines);
  const observers = new Observers(values, realClock, createV8Engine);
  try {
    const service = await BoardService.start({
      board,
      image,
      reach,
      connections,
      dhcp: dhcp ? {} : undefined,
      wasm: readModule(dhcp ? "standard" : "core"),
      seed: seedFrom(undefined),
      wrapLink: (link) => observers.wrapBoardLink(link, board),
      onConsole: (text) => process.stdout.write(text),
    });
    const resolved = name === undefined ? "" : `${await resolvedBy(service, reach, name)}\n`;
    return await serveUntilEnd(service, `${resolved}${greeting(service, values, reach)}`);
  } finally {
    observers.close();
  }
}

async function serveUntilEnd(service: BoardService, text: string): Promise<number> {
  const { gateway, board } = service;
  const log = gateway && new ConnectionLog(gateway, realClock, (line) => console.log(line));
  // First: whoever reads the text may send the signal at once.
  const signal = interrupted();
  console.log(text);
  const ended = await Promise.race([signal, board.ended]);
  console.log("\nStopping.");
  log?.stop();
  await service.stop();
  if (gateway) console.log(`${plural(gateway.clients, "connection")}`);
  if (!ended) return EXIT_OK;
  console.error(
    `ferrule: the board has ended: ${ended.reason}${ended.status === null ? "" : `, status ${ended.status}`}`,
  );
  return EXIT_FAILURE;
}

/** Somebody's own firmware is what it is. */
function givenImage({ image = "", engine }: BoardValues, defines: readonly string[]): string {
  if (engine !== undefined || defines.length > 0)
    throw new UsageError(
      "--image is built already: --engine, --connections, --ring and --link tap are for firmware that is built here",
    );
  if (!existsSync(image)) throw new UsageError(`--image ${image} is not there`);
  return image;
}

function engineOf(name = "wasm3"): BoardEngine {
  const found = BOARD_ENGINES.find((engine) => engine === name);
  if (!found) throw new UsageError(`--engine ${name} is not on a board: give ${BOARD_ENGINES.join(" or ")}`);
  return found;
}

function reachOf(
  values: BoardValues,
  local: { address: string; port: number; echoPort: number },
): BoardReach {
  const { link } = values;
  if (link === "tap") return { kind: "tap", tap: tapOptions(values) };
  if (link !== "gateway" && link !== "slirp")
    throw new UsageError(`--link ${link} is not known: give gateway, tap or slirp`);
  if (link === "slirp" && (local.port === 0 || local.echoPort === 0))
    throw new UsageError("--link slirp needs ports: give --port and --echo-port");
  return { kind: link, ...local };
}

/** What the firmware is built with; nothing for what it has anyway, so that one build serves. */
function sizes(connections: number, usual: number, ringBytes: number): string[] {
  return [
    ...(connections === usual ? [] : [`FIRMWARE_CONNECTIONS=${connections}`]),
    ...(ringBytes === RING_BYTES ? [] : [`FIRMWARE_RING_BYTES=${ringBytes}`]),
  ];
}

/** On TAP the kernel's network is the board's. */
function addresses(reach: BoardReach): string[] {
  if (reach.kind !== "tap") return [];
  const list = (address: string) => address.replaceAll(".", ",");
  const { deviceAddress, hostAddress, prefixLength } = reach.tap;
  return [
    `FIRMWARE_ADDRESS=${list(deviceAddress)}`,
    `FIRMWARE_ROUTER=${list(hostAddress)}`,
    ...(prefixLength === 24 ? [] : [`FIRMWARE_NETMASK=${list(netmaskOf(prefixLength))}`]),
  ];
}

/** The name that the board is asked for. Throws UsageError for what is none. */
function nameOf({ resolve, dhcp }: BoardValues): string | undefined {
  if (resolve === undefined) return undefined;
  if (!dhcp) throw new UsageError("--resolve needs a DNS server, which comes with the address: give --dhcp");
  if (!/^[\w.-]{1,253}$/.test(resolve))
    throw new UsageError(`--resolve ${resolve} is not possible: give a host's name, as in example.com`);
  return resolve;
}

/** Asks the board for a name; resolves to what it found, in words. */
async function resolvedBy(service: BoardService, reach: BoardReach, name: string): Promise<string> {
  const signal = AbortSignal.timeout(RESOLVE_MS);
  try {
    const answer = await fetch(`http://${httpOf(service, reach)}/resolve/${name}`, { signal });
    const { addresses, error } = (await answer.json()) as { addresses?: string[]; error?: string };
    return `The board looked ${name} up: ${addresses?.join(", ") ?? error}`;
  } catch (error) {
    return `The board did not answer for ${name}: ${(error as Error).message}`;
  }
}

/** Where its web server is reached. */
function httpOf({ address, ports }: BoardService, reach: BoardReach): string {
  return reach.kind === "tap" ? address : `${reach.address}:${ports.http}`;
}

function greeting(service: BoardService, { board, dhcp }: BoardValues, reach: BoardReach): string {
  const { ports } = service;
  const address = reach.kind === "tap" ? service.address : reach.address;
  const http = httpOf(service, reach);
  const names = dhcp ? `  curl http://${http}/resolve/example.com\n` : "";
  const ping = reach.kind === "tap" ? `  ping ${address}\n` : "";
  return `Firmware for ${board} is up. Try:

${ping}  curl http://${http}/
  curl http://${http}/info
${names}  curl -o bytes http://${http}/bytes/1048576 && sha256sum bytes
  curl --data-binary @bytes -o echoed http://${http}/echo && cmp bytes echoed
  nc ${address} ${ports.echo}        (echoes what you type)

Ctrl-C stops it. What its console says, and connections as they come and go:`;
}
