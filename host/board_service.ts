// The main job on a board: firmware that runs on an emulator, and how this machine reaches it: through a gateway on a wire in
// memory, through a TAP interface of the kernel, or through the emulator's own user-mode network.

import { Advice } from "./advice.js";
import { type Clock, realClock } from "./clock.js";
import { ECHO_PORT, HTTP_PORT } from "./device.js";
import { type BoardName, startBoard } from "./emulator/boards.js";
import type { BoardExit, BoardNetwork, EmulatedBoard } from "./emulator/emulator.js";
import type { Host } from "./host.js";
import { Gateway } from "./link/gateway.js";
import type { Link } from "./link/link.js";
import type { TapLink } from "./link/tap.js";
import type { TapOptions } from "./link/tap_setup.js";
import { Wire } from "./link/wire.js";
import { Net } from "./net.js";
import { bootGateway, GRACE_MS, until } from "./serve.js";

/** Where firmware finds itself unless it was built otherwise: boards/apps/main.c. */
export const BOARD_ADDRESS = "10.0.2.15";
const BOARD_ROUTER = "10.0.2.2";

/** How long a board may take until it says that it is up, in milliseconds. */
const BOOT_MS = 60_000;

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
  /** For the gateway: the compiled core, and 32 octets that nobody can guess. */
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
  /** Where it is reached: ports of this machine, or with TAP the board's own. */
  readonly ports: { http: number; echo: number };
  /** Clients' connections; undefined where this process does not see them. */
  readonly gateway: Gateway | undefined;
  readonly #clock: Clock = realClock;
  readonly #gatewayHost: Host | undefined;
  readonly #tap: TapLink | undefined;

  private constructor({ board, ports, gateway, gatewayHost, tap }: Parts) {
    this.board = board;
    this.ports = ports;
    this.gateway = gateway;
    this.#gatewayHost = gatewayHost;
    this.#tap = tap;
  }

  /** Boots the board and waits until it is up. Rejects with Advice, or with Node's error for a port. */
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

interface Parts {
  board: EmulatedBoard;
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
  const gatewayHost = bootGateway(wire.port(), realClock, options, BOARD_ROUTER);
  const gateway = new Gateway(new Net(gatewayHost), BOARD_ADDRESS);
  const board = await boot(options, { kind: "link", link: options.wrapLink?.(link) ?? link });
  const expose = (service: string, port: number, devicePort: number) =>
    gateway.expose({ service, address: reach.address, port, devicePort });
  const parts = { board, gateway, gatewayHost };
  try {
    const http = await expose("http", reach.port, HTTP_PORT);
    return make({ ...parts, ports: { http, echo: await expose("echo", reach.echoPort, ECHO_PORT) } });
  } catch (error) {
    await make({ ...parts, ports: { http: 0, echo: 0 } }).stop();
    throw error;
  }
}

async function startOnTap(
  options: BoardServiceOptions,
  tapOptions: TapOptions,
  make: Make,
): Promise<BoardService> {
  const { openTap } = await import("./link/tap_setup.js");
  const tap = await openTap(tapOptions);
  try {
    const board = await boot(options, { kind: "link", link: options.wrapLink?.(tap) ?? tap });
    return make({ board, tap, ports: { http: HTTP_PORT, echo: ECHO_PORT } });
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
  const board = await boot(options, { kind: "slirp", forwards });
  return make({ board, ports: { http: port, echo: echoPort } });
}

/** Starts the board, and waits until it says that it is up. */
async function boot(options: BoardServiceOptions, network: BoardNetwork): Promise<EmulatedBoard> {
  let said = "";
  let isUp = () => {};
  const up = new Promise<void>((resolve) => {
    isUp = resolve;
  });
  const onConsole = (text: string) => {
    said = `${said}${text}`.slice(-4096);
    if (/^ferrule up: .*\n/m.test(said)) isUp();
    options.onConsole?.(text);
  };
  const { image, time = "real" } = options;
  const board = await startBoard(options.board, { image, network, time, onConsole });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<BoardExit>((resolve) => {
    timer = setTimeout(resolve, BOOT_MS, { status: null, reason: `it is not up after ${BOOT_MS / 1000} s` });
  });
  const failure = await Promise.race([up, board.ended, late]);
  clearTimeout(timer);
  if (!failure) return board;
  await board.stop();
  throw new Advice(
    `the board ${options.board} did not come up: ${failure.reason}. It said:\n${said.trimEnd()}`,
  );
}
