// What the device's work takes of memory: state by connection, wasm3's heap by part, C stack, flash by part.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ownSources, RISCV_OPTIONS } from "../runtime_sources.mjs";
import { root, run } from "../support.mjs";
import { buildFerrule, buildHeap, ENGINES, FOLDER } from "./build.mjs";
import { linesFromQemu, numbersOf } from "./count.mjs";

/** Connections, and one more, whose difference is one's share. */
const CONNECTIONS = 4;

/** Of each ring; a connection has two. */
const RING_BYTES = 2048;

/** Optimisation for size and for speed, as of the compiler's -O. */
const LEVELS = ["s", "2"];

/**
 * Bytes of linear memory that the core asks for, by `bytesNeeded`: rows of a thing and its bytes.
 */
export async function stateRows() {
  const usual = USUAL;
  const needs = await needsOf("core");
  const base = needs({});
  /** What one more of `name` takes. */
  const share = (name) => needs({ [name]: usual[name] + 1 }) - base;
  const connection = share("connections");
  const shares = {
    "a listener": share("listeners"),
    "a SYN-cache entry": share("synEntries"),
    "a TIME-WAIT entry": share("timeWaitEntries"),
    "an ARP entry": share("arpEntries"),
  };
  const [listener, syn, timeWait, arp] = Object.values(shares);
  const counted =
    CONNECTIONS * connection +
    usual.listeners * listener +
    usual.synEntries * syn +
    usual.timeWaitEntries * timeWait +
    usual.arpEntries * arp;
  return [
    [`all, with ${CONNECTIONS} connections`, base],
    [`all, with ${CONNECTIONS + 1}`, base + connection],
    [`a connection, with two rings of ${RING_BYTES}`, connection],
    [
      `a connection's record, without rings, for ${usual.reassemblyRanges} ranges out of order`,
      connection - 2 * RING_BYTES,
    ],
    [
      "one more range out of order, in each connection",
      (needs({ reassemblyRanges: usual.reassemblyRanges + 1 }) - base) / CONNECTIONS,
    ],
    ...Object.entries(shares),
    ["what is left for none of these: frames, counters, constants", base - counted],
  ];
}

/** What a row of the services' table has. */
export const SERVICE_PARTS = ["linear memory", "runtime on rv32imc"];

/** Longest packet that is put together, in bytes. */
const PACKET_BYTES = 1500;

/**
 * RAM that each service takes, in bytes, as of SERVICE_PARTS: of the core's state, by `bytesNeeded`, and of the runtime of
 * ferrule.h, which has a place in its table for each socket.
 */
export async function serviceRows() {
  const [ofCore, needs] = await Promise.all([needsOf("core"), needsOf("standard")]);
  const { place, statics } = runtimeBytes();
  const base = needs({});
  const sockets = { datagramSockets: 1, datagramQueueBytes: RING_BYTES };
  const takes = (changes) => needs(changes) - base;
  const { DHCP_BYTES } = JSON.parse(readFileSync(join(root, "build/layout.json"), "utf8")).constants;
  const rows = [
    [
      "the standard build beside the core, none asked for; a DHCP client is there",
      base - ofCore({}),
      statics,
    ],
    ["of these, the DHCP client's record", DHCP_BYTES, place],
    [`UDP: a socket, with two queues of ${RING_BYTES}`, takes(sockets), place],
    ["UDP: a socket's record, without queues", takes(sockets) - 2 * RING_BYTES, place],
    ["DNS: a name that is looked up", takes({ queries: 1 }), place],
    ["DNS: a name that is remembered", takes({ queries: 1, cacheEntries: 1 }) - takes({ queries: 1 }), 0],
    [
      `reassembly: a packet of ${PACKET_BYTES}`,
      takes({ fragmentBuffers: 1, fragmentBytes: PACKET_BYTES }),
      0,
    ],
    [
      "as the firmware with DHCP has it: 2 names at a time, 4 remembered",
      takes({ queries: 2, cacheEntries: 4 }) + base - ofCore({}),
      statics + 3 * place,
    ],
  ];
  return rows.map(([name, ...values]) => ({ name, values }));
}

/** A socket's place in the runtime's table, and static data of its services, on rv32imc. */
function runtimeBytes() {
  const folder = join(FOLDER, "services");
  const probe = join(folder, "place.c");
  mkdirSync(folder, { recursive: true });
  writeFileSync(probe, '#include "device.h"\nchar place[sizeof(struct ferrule_socket_entry)] = {1};\n');
  const dataOf = (file) => {
    const object = join(folder, `${basename(file)}.o`);
    const [{ options }] = ownSources([file]);
    const args = ["-O2", ...RISCV_OPTIONS, ...options, "-c", file, "-o", object];
    const compiled = run("riscv64-unknown-elf-gcc", args);
    const { output, problem } = run("riscv64-unknown-elf-size", [object]);
    const [, data, bss] = /^\s*\d+\s+(\d+)\s+(\d+)/m.exec(output) ?? [];
    if (!compiled.ok || bss === undefined)
      throw new Error(`${file}: ${compiled.output || output || problem}`);
    return Number(data) + Number(bss);
  };
  return { place: dataOf(probe), statics: dataOf(join(root, "boards/runtime/services.c")) };
}

/** A device as the rows above have it. */
const USUAL = {
  mac: "02:00:00:00:00:02",
  address: "10.0.0.2",
  seed: new Uint8Array(32),
  connections: CONNECTIONS,
  sendRingBytes: RING_BYTES,
  receiveRingBytes: RING_BYTES,
  listeners: 2,
  synEntries: 8,
  timeWaitEntries: 8,
  arpEntries: 8,
  reassemblyRanges: 4,
};

/** What a build of the core needs of linear memory with these changes. */
async function needsOf(build) {
  const { bytesNeeded } = await import(pathToFileURL(join(root, "build/host/core.js")).href);
  const wasm = new Uint8Array(readFileSync(join(root, `build/${build}.wasm`)));
  return (changes) => bytesNeeded(wasm, { ...USUAL, ...changes });
}

/** What a row of the heap's table has; the last is the sum. */
export const HEAP_PARTS = ["environment", "runtime", "stack", "parse", "load", "compile", "gaps", "all"];

/** Bytes that wasm3 takes of its arena on a target without linear memory, as of HEAP_PARTS. */
export function heapValues(target) {
  const lines = linesFromQemu(target, buildHeap(target));
  const bytesOf = (part) => numbersOf(lines, `HEAP ${part}`)[2];
  const parts = HEAP_PARTS.slice(0, -1).map(bytesOf);
  const all = bytesOf("all") - bytesOf("memory");
  const sum = parts.reduce((total, bytes) => total + bytes, 0);
  if (sum !== all) throw new Error(`the parts of wasm3's heap are ${sum} bytes, but all are ${all}`);
  return [...parts, all];
}

/** Most bytes of C stack on a target, to boot and to work: a row for each engine. */
export function stackRows(target) {
  return ENGINES.map((engine) => {
    const [, boot, work] = numbersOf(linesFromQemu(target, buildFerrule(engine, target)), "STACK");
    if (!(boot > 0 && work > 0)) throw new Error(`nothing was painted on ${target}`);
    return { name: `${engine} ${target}`, values: [boot, work] };
  });
}

/** Object file -> the part of the flash that it belongs to. */
const FLASH_FILES = [
  ["wasm3", /^m3_.*\.c\.o$/],
  ["core.c", /^core\.c\.o$/],
  ["module", /^module\.c\.o$/],
  ["engine's runtime", /^(engine_.*|arena)\.c\.o$/],
  ["ferrule.h's runtime", /^(ferrule|services|errors|checksum)\.c\.o$/],
];

/** What a row of the flash's table has; the last is the sum. */
export const FLASH_PARTS = [...FLASH_FILES.map(([part]) => part), "all"];

/** Bytes of flash on a target: a row for each engine and level. */
export function flashRows(target) {
  return ENGINES.flatMap((engine) =>
    LEVELS.map((level) => {
      const program = buildFerrule(engine, target, { level });
      const parts = flashIn(readFileSync(join(dirname(program), "work.map"), "utf8"));
      return { name: `${engine} ${target} -O${level}`, values: FLASH_PARTS.map((part) => parts[part]) };
    }),
  );
}

/** A section that an object file brought, in the linker's list: its name, size and file. */
const SECTION = /^ (\.[\w.]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+)$/gm;
const IN_FLASH = /^\.(text|literal|rodata|srodata|data|sdata)(\.|$)/;

/** Adds up what the linker kept of each part and of `all`, from its list: code, constants, and initial values. */
export function flashIn(map) {
  const kept = map.slice(map.indexOf("Linker script and memory map"));
  const parts = Object.fromEntries(FLASH_FILES.map(([part]) => [part, 0]));
  for (const [, section, size, file] of kept.matchAll(SECTION)) {
    const part = FLASH_FILES.find(([, pattern]) => pattern.test(basename(file)))?.[0];
    if (part && IN_FLASH.test(section)) parts[part] += Number.parseInt(size, 16);
  }
  const all = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  if (all === 0) throw new Error("the linker's list is not in the form that is known");
  return { ...parts, all };
}
