// What the scripts share: running programs with a bound, finding the project's C files, and the tests' tools.
// Node's own modules only: setup runs this before any package is installed.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whether this is an unattended run, where nothing may be left out. */
export const inCi = process.env.CI === "true" || process.env.CI === "1";

/** Where setup tells the tests what this machine has: see test/report/tools.ts. */
export const toolsFile = "build/tools.json";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/**
 * Runs a program in the project's folder without input, for at most `timeoutMs` (default one minute).
 * `show`: its output goes to the screen as it comes, else it is collected in `output`. `problem` says in words what
 * went wrong, and is empty after success. Never throws.
 */
export function run(command, args, { timeoutMs = MINUTE, show = false, env = {} } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
    encoding: "utf8",
  });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}`;
  return { ok: result.status === 0, output, problem: problemOf(result, timeoutMs) };
}

/** Runs a script of an installed package with this very Node. */
export function runScript(script, args, options) {
  return run(process.execPath, [join(root, "node_modules", script), ...args], options);
}

/** The last `count` lines of a program's output. */
export function lastLines(text, count) {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Its format is the generator's. */
const GENERATED = "boards/include/ferrule_abi.h";

/** The project's own files in C and C++, relative to `root`; new ones that are not committed yet included. */
export function cFiles() {
  const { ok, output, problem } = run("git", [
    ...["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"],
    ...["boards", "bench", "examples", "test"].flatMap((folder) =>
      ["c", "h", "cpp", "ino"].map((extension) => `${folder}/*.${extension}`),
    ),
  ]);
  if (!ok) throw new Error(`git ls-files: ${problem}`);
  const files = output.split("\n").filter((file) => file !== "" && file !== GENERATED);
  return files.filter((file) => existsSync(join(root, file)));
}

/**
 * Programs that the tests need beside Node. `probe`: a command that succeeds when the tool is whole. `packages`: what
 * brings it on Debian, of each group the first that there is. `without`: what is left out when it is missing.
 */
export const TOOLS = {
  "clang-format": {
    probe: ["clang-format", "--version"],
    packages: [["clang-format"]],
    without: "the check of the C files' format",
  },
  gcc: {
    probe: ["gcc", "-E", "-x", "c", "-include", "stdio.h", "/dev/null"],
    packages: [["gcc"], ["libc6-dev"]],
    without: "all engines on this machine's processor but V8",
  },
  "g++": {
    probe: ["g++", "-E", "-x", "c++", "-include", "algorithm", "/dev/null"],
    packages: [["g++"]],
    without: "the Arduino classes and sketches",
  },
  "riscv-gcc": {
    probe: ["riscv64-unknown-elf-gcc", "--version"],
    packages: [["gcc-riscv64-unknown-elf"]],
    without: "the engines on an emulated RISC-V microcontroller",
  },
  picolibc: {
    probe: [
      ...["riscv64-unknown-elf-gcc", "--specs=picolibc.specs", "-march=rv32im", "-mabi=ilp32"],
      ...["-E", "-x", "c", "-include", "stdio.h", "/dev/null"],
    ],
    packages: [["picolibc-riscv64-unknown-elf"]],
    without: "the engines on an emulated RISC-V microcontroller",
  },
  "qemu-riscv": {
    probe: ["qemu-system-riscv32", "--version"],
    packages: [["qemu-system-riscv", "qemu-system-misc"]],
    without: "the engines on an emulated RISC-V microcontroller",
  },
  ab: {
    probe: ["ab", "-V"],
    packages: [["apache2-utils"]],
    without: "the HTTP load test",
  },
  namespaces: {
    // A network namespace and a TAP device in it, without touching the machine's own network.
    probe: [
      ...["unshare", "--map-root-user", "--net", "sh", "-c"],
      "command -v nsenter && ip link set lo up && test -w /dev/net/tun",
    ],
    packages: [["util-linux"], ["iproute2"]],
    without: "the tests against the Linux kernel (they need /dev/net/tun and user namespaces, or root)",
  },
  ping: {
    probe: ["ping", "-V"],
    packages: [["iputils-ping"]],
    without: "ping from the Linux kernel",
  },
  nc: {
    probe: ["sh", "-c", "command -v nc"],
    packages: [["netcat-openbsd"]],
    without: "the echo of 10 MB with nc",
  },
  curl: {
    probe: ["curl", "--version"],
    packages: [["curl"]],
    without: "downloads with curl",
  },
  dnsmasq: {
    probe: ["dnsmasq", "--version"],
    packages: [["dnsmasq-base"]],
    without: "DHCP and DNS with servers of others",
  },
  nginx: {
    probe: ["nginx", "-v"],
    packages: [["nginx-light"]],
    without: "a page of nginx, by name",
  },
  "arduino-core-avr": {
    probe: ["test", "-f", "/usr/share/arduino/hardware/arduino/avr/cores/arduino/Client.h"],
    packages: [["arduino-core-avr"]],
    without: "the Arduino classes and sketches",
  },
  mosquitto: {
    // It has no option that only says that it is there, and /usr/sbin may not be on the path.
    probe: ["sh", "-c", "command -v mosquitto || test -x /usr/sbin/mosquitto"],
    packages: [["mosquitto"]],
    without: "MQTT with a server of others",
  },
  "mosquitto-clients": {
    probe: ["sh", "-c", "command -v mosquitto_sub && command -v mosquitto_pub"],
    packages: [["mosquitto-clients"]],
    without: "MQTT with a client of others",
  },
  mbedtls: {
    probe: ["gcc", "-E", "-x", "c", "-include", "mbedtls/ssl.h", "/dev/null"],
    packages: [["libmbedtls-dev"]],
    without: "TLS over the socket API",
  },
  openssl: {
    probe: ["openssl", "version"],
    packages: [["openssl"]],
    without: "TLS with a server of others",
  },
  tshark: {
    probe: ["tshark", "--version"],
    packages: [["tshark"]],
    without: "Wireshark's opinion of captures and recordings",
  },
  chromium: {
    probe: ["chromium", "--version"],
    packages: [["chromium"]],
    without: "the device's page in a browser",
  },
  valgrind: {
    probe: ["valgrind", "--version"],
    packages: [["valgrind"]],
    without: "valgrind's opinion of the C runtime",
  },
  "xtensa-gcc": {
    probe: ["xtensa-lx106-elf-gcc", "--version"],
    packages: [["gcc-xtensa-lx106"]],
    without: "the benchmarks on an emulated Xtensa microcontroller",
  },
  "picolibc-xtensa": {
    probe: [
      ...["xtensa-lx106-elf-gcc", "--specs=/usr/lib/xtensa-lx106-elf/picolibc.specs"],
      ...["-E", "-x", "c", "-include", "stdio.h", "/dev/null"],
    ],
    packages: [["picolibc-xtensa-lx106-elf"]],
    without: "the benchmarks on an emulated Xtensa microcontroller",
  },
  "qemu-xtensa": {
    probe: ["qemu-system-xtensa", "--version"],
    packages: [["qemu-system-misc"]],
    without: "the benchmarks on an emulated Xtensa microcontroller",
  },
  "arm-gcc": {
    probe: ["arm-none-eabi-gcc", "--version"],
    packages: [["gcc-arm-none-eabi"]],
    without: "firmware for the emulated RP2040",
  },
  "picolibc-arm": {
    probe: [
      ...["arm-none-eabi-gcc", "--specs=picolibc.specs", "-mcpu=cortex-m0plus", "-mthumb"],
      ...["-E", "-x", "c", "-include", "stdio.h", "/dev/null"],
    ],
    packages: [["picolibc-arm-none-eabi"]],
    without: "firmware for the emulated RP2040",
  },
  ethtool: {
    probe: ["ethtool", "--version"],
    packages: [["ethtool"]],
    without: "the throughput beside the kernel's in the benchmarks",
  },
  lwip: {
    probe: ["sh", "-c", "echo '#include <lwip/tcp.h>' | gcc -E -x c -I /usr/include/lwip -"],
    packages: [["liblwip-dev"]],
    without: "lwIP beside Ferrule in the benchmarks",
  },
  cargo: {
    // As new as bench/smoltcp/Cargo.toml wants it.
    probe: [
      ...["sh", "-c"],
      "cargo --version && test $(rustc --version | sed 's/^rustc 1[.]\\([0-9]*\\)[.].*/\\1/') -ge 91",
    ],
    packages: [
      ["rustc-web", "rustc"],
      ["cargo-web", "cargo"],
    ],
    without: "smoltcp beside Ferrule in the benchmarks",
  },
  cmake: {
    probe: ["cmake", "--version"],
    packages: [["cmake"], ["make"]],
    without: "programs that link the packed library",
  },
  pip: {
    probe: ["python3", "-m", "pip", "--version"],
    packages: [["python3-pip"]],
    without: "wasm3, whose sources it fetches (WASM3_DIR can name them instead)",
  },
};

/** Whether the tool works here. */
export function hasTool(name) {
  const [command, ...args] = TOOLS[name].probe;
  return run(command, args).ok;
}

function problemOf({ error, signal, status }, timeoutMs) {
  if (error?.code === "ENOENT") return "the program is not installed";
  if (error?.code === "ETIMEDOUT") return `not done after ${timeoutMs / SECOND} s`;
  if (error) return error.message;
  if (signal) return `ended by ${signal}`;
  return status === 0 ? "" : `exit status ${status}`;
}
