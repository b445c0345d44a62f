// The main job on a board: firmware that runs on an emulator, and how this machine reaches it: through a gateway on a wire in
// memory, through a TAP interface of the kernel, or through the emulator's own user-mode network.

import { netmaskOf } from "./address.js";
import { Advice } from "./advice.js";
import { type Clock, realClock } from "./clock.js";
import { ECHO_PORT, HTTP_PORT } from "./device.js";
import { type BoardName, startBoard } from "./emulator/boards.js";
import type { BoardExit, BoardNetwork, EmulatedBoard } from "./emulator/emulator.js";
import type { Host } from "./host.js";
import { Gateway } from "./link/gateway.js";
import { leaseOn } from "./link/gateway_dhcp.js";
import { machineNameServer, type NameServer, relayDns } from "./link/gateway_dns.js";
import type { Link } from "./link/link.js";
import type { TapLink } from "./link/tap.js";
import type { TapOptions } from "./link/tap_setup.js";
import { Wire } from "./link/wire.js";
import { Net } from "./net.js";
import { bootGateway, GATEWAY_MAC, GRACE_MS, until } from "./serve.js";

/** Where firmware finds itself unless it was built otherwise: boards/apps/main.c. */
export const BOARD_ADDRESS = "10.0.2.15";
const BOARD_ROUTER = "10.0.2.2";

/** How long a board may take until it says that it is up, and then until it has an address, in milliseconds. */
const BOOT_MS = 60_000;
const ADDRESS_MS = 60_000;

/** What the gateway leases, and what its core has for DNS. */
const LEASE = { address: BOARD_ADDRESS, netmask: netmaskOf(24), router: BOARD_ROUTER, leaseSeconds: 86_400 };
const GATEWAY_SERVICES = { datagramSockets: 1, datagramQueueBytes: 8192 };

/** Of what a board says, so much is kept: it may be for a message. */
const SAID_CHARACTERS = 4096;

/** Lines of the firmware's console: boards/apps/main.c and network.c. */
const UP = /^ferrule up: .*\n/m;
const ADDRESS = /^ferrule address (\d+\.\d+\.\d+\.\d+)\/.*\n/m;

/** How this machine reaches the board. */
export type BoardReach =
  | {
      readonly kind: "gateway" | "slirp";
      readonly address: string;
      readonly port: number;
      readonly echoPort: number;
    }
  | { readonly kind: "tap"; readonly tap: TapOptions };

export interface BoardServiceOptions {
  readonly board: BoardName;
  /** Path of the firmware. */
  readonly image: string;
  readonly reach: BoardReach;
  /**
   * The firmware gets its address by DHCP: from the gateway, from QEMU, or on TAP from who is there. The gateway's DNS server
   * is the machine's, or `nameServer`. Default: it has the address that it was built with.
   */
  readonly dhcp?: { readonly nameServer?: NameServer } | undefined;
  /** For the gateway: the compiled core, with `dhcp` its standard build, and 32 octets that nobody can guess. */
  readonly wasm: Uint8Array;
  readonly seed: Uint8Array;
  /** Connections that the firmware has. */
  readonly connections: number;
  /** Puts something between the board and its link: a capture, a bad network. */
  readonly wrapLink?: (link: Link) => Link;
  /** Hears what the firmware writes to its console. */
  readonly onConsole?: (text: string) => void;
  /** See BoardOptions; default "real". */
  readonly time?: "real" | "virtual";
}

/** A board that is up. */
export class BoardService {
  readonly board: EmulatedBoard;
  /** The board's IPv4 address when it came up. */
  readonly address: string;
  /** Where it is reached: ports of this machine, or with TAP the board's own. */
  readonly ports: { http: number; echo: number };
  /** Clients' connections; undefined where this process does not see them. */
  readonly gateway: Gateway | undefined;
  readonly #clock: Clock = realClock;
  readonly #gatewayHost: Host | undefined;
  readonly #tap: TapLink | undefined;

  private constructor({ board, address, ports, gateway, gatewayHost, tap }: Parts) {
    this.board = board;
    this.address = address;
    this.ports = ports;
    this.gateway = gateway;
    this.#gatewayHost = gatewayHost;
    this.#tap = tap;
  }

  /** Boots the board and waits until it is up and has an address. Rejects with Advice, or with Node's error for a port. */
  static async start(options: BoardServiceOptions): Promise<BoardService> {
    const { reach } = options;
    if (reach.kind === "gateway") return await startWithGateway(options, reach, BoardService.#make);
    if (reach.kind === "tap") return await startOnTap(options, reach.tap, BoardService.#make);
    return await startWithForwards(options, reach, BoardService.#make);
  }

  static readonly #make = (parts: Parts) => new BoardService(parts);

  /** Lets clients finish for a bounded time, resets those that are left, and ends the board. */
  async stop(): Promise<BoardExit> {
    const { gateway } = this;
    gateway?.stopListening();
    if (gateway) await until(() => gateway.open === 0, GRACE_MS, this.#clock);
    gateway?.resetAll();
    if (gateway) await until(() => gateway.open === 0, GRACE_MS, this.#clock);
    gateway?.dropAll();
    this.#gatewayHost?.close();
    const exit = await this.board.stop();
    await this.#tap?.close();
    return exit;
  }
}

interface Booted {
  board: EmulatedBoard;
  address: string;
}

interface Parts extends Booted {
  ports: { http: number; echo: number };
  gateway?: Gateway;
  gatewayHost?: Host;
  tap?: TapLink;
}

type Make = (parts: Parts) => BoardService;
type Forwarded = Exclude<BoardReach, { kind: "tap" }>;

async function startWithGateway(
  options: BoardServiceOptions,
  reach: Forwarded,
  make: Make,
): Promise<BoardService> {
  const wire = new Wire();
  const link = wire.port();
  const gatewayHost = options.dhcp
    ? bootLeasingGateway(wire.port(), options, options.dhcp.nameServer)
    : bootGateway(wire.port(), realClock, options, BOARD_ROUTER);
  const booting = boot(options, { kind: "link", link: options.wrapLink?.(link) ?? link });
  booting.catch(() => gatewayHost.close());
  const booted = await booting;
  const gateway = new Gateway(new Net(gatewayHost), booted.address);
  const expose = (service: string, port: number, devicePort: number) =>
    gateway.expose({ service, address: reach.address, port, devicePort });
  const parts = { ...booted, gateway, gatewayHost };
  try {
    const http = await expose("http", reach.port, HTTP_PORT);
    return make({ ...parts, ports: { http, echo: await expose("echo", reach.echoPort, ECHO_PORT) } });
  } catch (error) {
    await make({ ...parts, ports: { http: 0, echo: 0 } }).stop();
    throw error;
  }
}

/** A gateway with what a small router has. */
function bootLeasingGateway(
  link: Link,
  options: BoardServiceOptions,
  nameServer = machineNameServer(),
): Host {
  const leasing = leaseOn(link, { ...LEASE, mac: GATEWAY_MAC });
  const host = bootGateway(leasing, realClock, options, BOARD_ROUTER, GATEWAY_SERVICES);
  if (nameServer) relayDns(host, nameServer);
  return host;
}

async function startOnTap(
  options: BoardServiceOptions,
  tapOptions: TapOptions,
  make: Make,
): Promise<BoardService> {
  const { openTap } = await import("./link/tap_setup.js");
  const tap = await openTap({ ...tapOptions, isOthers: options.dhcp !== undefined });
  try {
    const booted = await boot(
      options,
      { kind: "link", link: options.wrapLink?.(tap) ?? tap },
      tapOptions.deviceAddress,
    );
    return make({ ...booted, tap, ports: { http: HTTP_PORT, echo: ECHO_PORT } });
  } catch (error) {
    await tap.close();
    throw error;
  }
}

/** The emulator listens: its ports cannot be left to the machine. */
async function startWithForwards(
  options: BoardServiceOptions,
  reach: Forwarded,
  make: Make,
): Promise<BoardService> {
  const { address, port, echoPort } = reach;
  const forwards = [
    { address, port, boardPort: HTTP_PORT },
    { address, port: echoPort, boardPort: ECHO_PORT },
  ];
  // Its DNS server is this machine's.
  const booted = await boot(options, { kind: "slirp", forwards, reachesOut: options.dhcp !== undefined });
  return make({ ...booted, ports: { http: port, echo: echoPort } });
}

/** Starts the board, and waits until it says that it is up, and with DHCP what its address is; else that is `address`. */
async function boot(
  options: BoardServiceOptions,
  network: BoardNetwork,
  address: string = BOARD_ADDRESS,
): Promise<Booted> {
  const heard = new Hearing(options.onConsole);
  const { image, time = "real" } = options;
  const board = await startBoard(options.board, { image, network, time, onConsole: heard.onConsole });
  try {
    await heard.line(UP, board, BOOT_MS, "it is not up");
    if (!options.dhcp) return { board, address };
    const [, leased = ""] = await heard.line(ADDRESS, board, ADDRESS_MS, "no DHCP server gave it an address");
    return { board, address: leased };
  } catch (error) {
    await board.stop();
    throw error instanceof Advice
      ? new Advice(`the board ${options.board} did not come up: ${error.message}`)
      : error;
  }
}

/** What a board's console said. */
class Hearing {
  #said = "";
  readonly #hear: (text: string) => void;
  #onMore = () => {};

  constructor(hear: (text: string) => void = () => {}) {
    this.#hear = hear;
  }

  readonly onConsole = (text: string): void => {
    this.#said = `${this.#said}${text}`.slice(-SAID_CHARACTERS);
    this.#onMore();
    this.#hear(text);
  };

  /** Waits for a line; rejects with Advice when the board ends before, or after `ms` milliseconds, which is `late` then. */
  async line(pattern: RegExp, board: EmulatedBoard, ms: number, late: string): Promise<RegExpExecArray> {
    let timer: NodeJS.Timeout | undefined;
    const problem = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, ms, `${late} after ${ms / 1000} s`);
      board.ended.then(({ reason }) => resolve(reason));
    });
    const said = new Promise<RegExpExecArray>((resolve) => {
      this.#onMore = () => {
        const found = pattern.exec(this.#said);
        if (found) resolve(found);
      };
      this.#onMore();
    });
    const found = await Promise.race([said, problem]);
    clearTimeout(timer);
    this.#onMore = () => {};
    if (typeof found !== "string") return found;
    throw new Advice(`${found}. It said:\n${this.#said.trimEnd()}`);
  }
}
