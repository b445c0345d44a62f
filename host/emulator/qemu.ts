// Boards in QEMU, a process of its own: "qemu-riscv" (machine "virt", virtio-net) and "qemu-xtensa" (kc705-nommu, OpenCores
// Ethernet). Written for QEMU 7.2; nothing of it is newer.
//
// Time. "real": QEMU executes as fast as it can, and the board's clock is this machine's. "virtual": `-icount shift=0`, an
// instruction takes one nanosecond of the board's time, so that instructions are counted exactly; while the board sleeps its
// time goes on as this machine's does (`sleep=on`), because its peers are outside and live there: if it jumped to the next
// deadline (`sleep=off`), every retransmission timer would expire before an answer could come.
//
// The end. QEMU's sockets are inherited, not files, so that nothing is left behind. It does not notice itself when this
// process dies, even by SIGKILL: a shell beside it waits for the end of a pipe that this process holds, and then kills it.
// That shell is there before QEMU is: there is no moment at which this process could die and leave QEMU behind.

import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { Advice } from "../advice.js";
import { realClock } from "../clock.js";
import { joinLinks } from "../link/join.js";
import type { BoardExit, BoardNetwork, BoardOptions, EmulatedBoard } from "./emulator.js";
import { type Pace, QemuLink } from "./qemu_link.js";
import { QemuMonitor } from "./qemu_monitor.js";

export type QemuBoardName = "qemu-riscv" | "qemu-xtensa";

/** Names of the boards that QEMU emulates. */
export const QEMU_BOARDS: readonly QemuBoardName[] = ["qemu-riscv", "qemu-xtensa"];

interface Machine {
  readonly command: string;
  /** The Debian package that has it. */
  readonly debianPackage: string;
  /** Processor, memory and devices; the network is `NETWORK`. */
  options(isVirtual: boolean): string[];
  /** How fast frames of a link may come. */
  readonly pace?: Pace;
}

/**
 * The OpenCores MAC drops what finds no buffer, and QEMU gives it at once all that has come: so this wire is no faster than a
 * real one, 100 Mbit/s, and lets a few frames through at a time.
 */
const FAST_ETHERNET: Pace = { octetsPerMs: 12_500, burst: 4 * 1538, clock: realClock };

/** What QEMU calls the network that the board's cable leads to. */
const NETWORK = "n0";

/** QEMU's descriptors besides the standard ones. */
const MONITOR_FD = 3;
const NETWORK_FD = 4;
/** The guard's, see GUARDED. */
const GUARD_FD = 5;

/**
 * Becomes the command in "$@". Beside it stays a guard, which has nothing of it but a pipe: at the end of that it kills the
 * command, at a line it goes.
 */
const GUARDED =
  `(trap "" HUP INT TERM; read -r line || kill -KILL $$) ` +
  `<&${GUARD_FD} >/dev/null 2>&1 ${MONITOR_FD}>&- ${NETWORK_FD}>&- ${GUARD_FD}>&- & exec "$@" ${GUARD_FD}>&-`;

/** A shell's status when there is no such command. */
const STATUS_NOT_FOUND = 127;

const MACHINES: Readonly<Record<QemuBoardName, Machine>> = {
  "qemu-riscv": {
    command: "qemu-system-riscv32",
    debianPackage: "qemu-system-misc",
    options: () => [
      // An ESP32-C3's instructions. 1 MB stands for flash, and the firmware uses 400 KB behind it; QEMU puts its device tree
      // behind that.
      ...["-M", "virt", "-cpu", "rv32,a=false,f=false,d=false", "-m", "4M", "-bios", "none"],
      ...["-global", "virtio-mmio.force-legacy=false"],
      ...["-object", "rng-random,filename=/dev/urandom,id=random", "-device", "virtio-rng-device,rng=random"],
      ...["-device", `virtio-net-device,netdev=${NETWORK}`],
    ],
  },
  "qemu-xtensa": {
    command: "qemu-system-xtensa",
    debianPackage: "qemu-system-misc",
    options: (isVirtual) => [
      ...["-M", "kc705-nommu", "-cpu", "lx106", "-m", "1M"],
      ...["-semihosting-config", isVirtual ? "enable=on,arg=icount" : "enable=on"],
      ...["-net", `nic,model=open_eth,netdev=${NETWORK}`],
    ],
    pace: FAST_ETHERNET,
  },
};

/** How long QEMU may take to end when it is told to, in milliseconds. */
const STOP_MS = 2000;

/** How often QEMU's main loop is made to turn where it would sleep too long, in milliseconds. */
const TURN_MS = 20;

/** Octets of QEMU's own messages that are kept. */
const MESSAGE_BYTES = 4096;

/**
 * Starts the board `name` with a firmware image (an ELF file); resolves when it executes its first instruction. Rejects
 * with Advice when QEMU is missing, or does not take the network or the image.
 */
export async function runQemu(name: QemuBoardName, options: BoardOptions): Promise<QemuBoard> {
  if (options.network.kind === "tap") await mustHaveInterface(options.network.name);
  const board = new QemuBoard(MACHINES[name], options);
  await board.start();
  return board;
}

export class QemuBoard implements EmulatedBoard {
  /** The machine's: see above. A board in virtual time may be behind it as long as it is busy. */
  readonly clock = realClock;
  readonly ended: Promise<BoardExit>;
  /** QEMU's process, for tests; undefined when it did not start. */
  readonly pid: number | undefined;
  readonly #machine: Machine;
  readonly #options: BoardOptions;
  readonly #child: ChildProcess;
  readonly #monitor: QemuMonitor;
  readonly #console: ConsoleWatch;
  #unjoin = () => {};
  #messages = "";
  #runs = false;
  #isStopping = false;
  #shutdown: string | undefined;

  /** Use `runQemu`. */
  constructor(machine: Machine, options: BoardOptions) {
    this.#machine = machine;
    this.#options = options;
    const command = [machine.command, ...commandLine(machine, options)];
    this.#child = spawn("/bin/sh", ["-c", GUARDED, "sh", ...command], {
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe"],
      // Away from the terminal's signals: what becomes of it is decided here.
      detached: true,
    });
    this.pid = this.#child.pid;
    const pipes: readonly unknown[] = this.#child.stdio;
    const [monitor, network, guard] = [MONITOR_FD, NETWORK_FD, GUARD_FD].map((fd) => pipes[fd] as Duplex);
    // Its pipe's end is one of those that `close` waits for.
    this.#child.on("exit", () => guard?.end("\n"));
    guard?.on("error", () => {});
    this.#console = new ConsoleWatch(this.#child.stdout as Readable, (text) => options.onConsole?.(text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#messages = (this.#messages + text).slice(-MESSAGE_BYTES);
    });
    this.#monitor = new QemuMonitor(monitor as Duplex);
    this.#monitor.onShutdown = (reason) => {
      this.#shutdown = reason;
    };
    const link = new QemuLink(network as Duplex, machine.pace);
    if (options.network.kind === "link") this.#unjoin = joinLinks(link, options.network.link, realClock);
    this.ended = this.#end();
  }

  /** Brings QEMU, which waits, to run. */
  async start(): Promise<void> {
    try {
      await this.#monitor.start();
      if (this.#options.cable === false) await this.setCable(false);
      // The firmware may end before this is answered: `ended` tells.
      this.#monitor.execute("cont").catch(() => {});
      this.#runs = true;
      if (this.#options.network.kind === "slirp" && this.#options.time === "virtual") this.#turnNow();
    } catch (error) {
      this.#child.kill("SIGKILL");
      const { status, reason } = await this.ended;
      const { command, debianPackage } = this.#machine;
      if (status === STATUS_NOT_FOUND)
        throw new Advice(`${command} is not installed; the Debian package ${debianPackage} has it`);
      const message = this.#messages.trim() || (error as Error).message;
      throw new Advice(`${command} does not start: ${this.pid === undefined ? reason : message}`);
    }
  }

  /** Nobody counts out here: the firmware does, in virtual time (/info). */
  instructions(): undefined {
    return undefined;
  }

  /** In virtual time each instruction takes a nanosecond: what the firmware counts (/info) are these, too. */
  awakeNs(): undefined {
    return undefined;
  }

  async setCable(plugged: boolean): Promise<void> {
    await this.#monitor.execute("set_link", { name: NETWORK, up: plugged });
  }

  /** Asks QEMU to end, and kills it when it does not. */
  async stop(): Promise<BoardExit> {
    if (!this.#isStopping && this.#child.exitCode === null) {
      this.#isStopping = true;
      const timer = realClock.after(STOP_MS, () => this.#child.kill("SIGKILL"));
      // It may end before it answers.
      this.#monitor.execute("quit").catch(() => {});
      await this.ended;
      timer.cancel();
    }
    return this.ended;
  }

  #end(): Promise<BoardExit> {
    return new Promise((resolve) => {
      const done = (exit: BoardExit) => {
        this.#unjoin();
        this.#runs = false;
        resolve(exit);
      };
      this.#child.on("error", ({ message }) => {
        if (this.pid === undefined) done({ status: null, reason: message });
      });
      this.#child.on("close", (code, signal) => done(this.#exit(code, signal)));
    });
  }

  #exit(code: number | null, signal: NodeJS.Signals | null): BoardExit {
    if (this.#isStopping) return { status: null, reason: "stopped" };
    if (code === null) return { status: null, reason: `QEMU was ended by ${signal}` };
    if (this.#shutdown) return { status: null, reason: `QEMU was ended: ${this.#shutdown}` };
    return { status: code, reason: this.#console.fault ?? "the firmware ended" };
  }

  /**
   * libslirp looks at frames that wait for the board's hardware address only when QEMU's main loop turns for something else;
   * in virtual time, with the processor asleep, nothing else might ever come.
   */
  #turnNow(): void {
    if (!this.#runs || this.#isStopping) return;
    this.#monitor.execute("query-status").catch(() => {});
    realClock.after(TURN_MS, () => this.#turnNow());
  }
}

/** With the right to, QEMU would make an interface that is not there, and nobody would be at its other end. */
async function mustHaveInterface(name: string): Promise<void> {
  // Only here: what asks the kernel is not there on every machine.
  const { hasInterface } = await import("../link/netdev.js");
  if (!hasInterface(name))
    throw new Advice(`no TAP interface ${name}; make it: sudo ip tuntap add dev ${name} mode tap user $USER`);
}

function commandLine(machine: Machine, { image, network, time }: BoardOptions): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S"],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", `socket,id=monitor,fd=${MONITOR_FD}`, "-mon", "chardev=monitor,mode=control"],
    ...["-netdev", netdev(network)],
    ...machine.options(time === "virtual"),
    ...(time === "virtual" ? ["-icount", "shift=0,sleep=on"] : []),
    ...["-kernel", image],
  ];
}

function netdev(network: BoardNetwork): string {
  switch (network.kind) {
    case "link":
      return `socket,id=${NETWORK},fd=${NETWORK_FD}`;
    case "tap":
      return `tap,id=${NETWORK},ifname=${escaped(network.name)},script=no,downscript=no`;
    case "slirp": {
      const forwards = network.forwards.map(
        ({ address, port, boardPort }) => `hostfwd=tcp:${address}:${port}-:${boardPort}`,
      );
      // Only what was asked for.
      return [`user,id=${NETWORK},restrict=${network.reachesOut ? "off" : "on"}`, ...forwards].join(",");
    }
  }
}

/** A value in QEMU's lists of options. */
function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}

/** Hands on what the firmware writes, and remembers what it says of a fault. */
class ConsoleWatch {
  /** As in "fault: load not accessible (cause 5) at 0x80000124, ...". */
  fault: string | undefined;
  #line = "";

  constructor(stream: Readable, hear: (text: string) => void) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      this.#look(text);
      hear(text);
    });
  }

  #look(text: string): void {
    const lines = (this.#line + text).split("\n");
    this.#line = (lines.pop() ?? "").slice(-MESSAGE_BYTES);
    this.fault = lines.find((line) => line.startsWith("fault: ")) ?? this.fault;
  }
}
