// What the core's module must be, as rules: each gets a parsed module and answers with what breaks it.

import { EXPORT_ARITY, STATE_BASE } from "../host/abi.js";
import type { WasmModule } from "./wasm_module.js";

/**
 * Largest module that this version may be, in bytes. It was 18,432 before header prediction and the code that is compiled
 * into its callers: 20 % more Wasm takes 4 % more RAM under wasm3, which has fewer functions and calls now, and 35 to
 * 55 % fewer instructions. What counts is wasm3's heap: bench/budget.json has it.
 */
export const MODULE_LIMIT_BYTES = 22272;

export type ModuleRule = (module: WasmModule) => string[];

/** Named rules; a module that keeps them all gets only empty answers. */
export const MODULE_RULES = {
  "has no imports": ({ imports }) => imports.map(({ module, name }) => `imports ${module}.${name}`),

  // All state lives in linear memory: a snapshot of it is the whole state.
  "has no mutable globals": ({ globals }) =>
    globals.flatMap(({ mutable, type }, index) => (mutable ? [`global ${index} (${type}) is mutable`] : [])),

  "exports no globals and no table": ({ exports }) =>
    exports.flatMap(({ kind, name }) =>
      kind === "global" || kind === "table" ? [`exports the ${kind} ${name}`] : [],
    ),

  // Memory is fixed after `init`: pointers that C holds and views that JavaScript holds stay valid.
  "never grows memory": (module) => bodiesWith(module, (opcode) => opcode === 0x40, "memory.grow"),

  // wasm3 is built without floating point.
  "has no floating point": (module) => [
    ...bodiesWith(module, isFloat, "floating point"),
    ...module.code.flatMap(({ locals }, index) =>
      locals.some((type) => type.includes("f")) ? [`function ${index} has a floating-point local`] : [],
    ),
  ],

  // A function index inside the state would tie the state to one build.
  "has no function table": (module) => [
    ...(module.elementSegments > 0 ? [`${module.elementSegments} element segments`] : []),
    ...bodiesWith(module, (opcode) => opcode === 0x11, "call_indirect"),
  ],

  "has one memory of one page that may grow": ({ memories }) => {
    const [memory] = memories;
    if (memories.length !== 1 || memory === undefined) return [`${memories.length} memories`];
    const text = `memory of ${memory.minimum} to ${memory.maximum} pages`;
    return memory.minimum === 1 && memory.maximum === undefined ? [] : [text];
  },

  "has constant data below the state only": ({ data }) =>
    data.flatMap(({ address, length }, index) =>
      address !== undefined && address + length <= STATE_BASE
        ? []
        : [`data segment ${index}: ${length} bytes at ${address ?? "no fixed address"}`],
    ),

  // A start function would run before `init`, and code that initialises is state.
  "has no start function": ({ hasStart }) => (hasStart ? ["has a start function"] : []),

  "carries no custom section": ({ sections }) =>
    sections.flatMap(({ id, name, bytes }) => (id === 0 ? [`${name}: ${bytes} bytes`] : [])),

  "exports the ABI and nothing else": (module) => {
    const found = module.exports.map((entry) => `${entry.name} ${signature(module, entry)}`);
    const wanted = Object.entries(EXPORT_ARITY).map(
      ([name, arity]) => `${name} (${Array(arity).fill("i32").join(", ")}) -> i32`,
    );
    wanted.push("memory memory");
    return [
      ...wanted.filter((entry) => !found.includes(entry)).map((entry) => `lacks ${entry}`),
      ...found.filter((entry) => !wanted.includes(entry)).map((entry) => `has ${entry}`),
    ];
  },

  "fits its budget": ({ bytes }) =>
    bytes <= MODULE_LIMIT_BYTES ? [] : [`${bytes} bytes, ${bytes - MODULE_LIMIT_BYTES} too many`],
} satisfies Record<string, ModuleRule>;

/** Complaints about functions of asc's own runtime among the module's function names. */
export function runtimeFunctions(names: readonly string[]): string[] {
  return names.filter((name) =>
    /^~lib\/rt|^~start$|(^|\/)__(new|pin|unpin|collect|renew|link|visit)/.test(name),
  );
}

/**
 * Function names by index, from the text that asc prints of the same module. A module that imports functions has them
 * in front, which the core never does.
 */
export function functionNames(wat: string): string[] {
  return [...wat.matchAll(/^ \(func \$("[^"]+"|[^\s()]+)/gm)].map(([, name]) => name as string);
}

/** Complaints when `names` cannot be those of the module's functions: every named export must agree. */
export function nameMismatches(module: WasmModule, wat: string, names: readonly string[]): string[] {
  const exported = new Map(
    [...wat.matchAll(/^ \(export "(\w+)" \(func \$("[^"]+"|[^\s()]+)\)\)/gm)].map(([, name, func]) => [
      name,
      func,
    ]),
  );
  const wrong = module.exports
    .filter(({ kind, name, index }) => kind === "function" && exported.get(name) !== names[index])
    .map(
      ({ name, index }) =>
        `export ${name} is function ${index}, "${names[index]}", not "${exported.get(name)}"`,
    );
  if (names.length !== module.functions.length)
    wrong.push(`${names.length} names for ${module.functions.length} functions`);
  return wrong;
}

/** Where the module's bytes are: functions by size, then the sections. */
export function sizeReport(module: WasmModule, names: readonly string[]): string {
  const rows = module.code
    .map(({ bytes }, index) => [bytes, names[index] ?? `function ${index}`] as const)
    .sort(([a, nameA], [b, nameB]) => b - a || (nameA < nameB ? -1 : 1));
  const line = (bytes: number, name: string) => `${String(bytes).padStart(7)}  ${name}`;
  const inFunctions = rows.reduce((sum, [bytes]) => sum + bytes, 0);
  return [
    line(module.bytes, `bytes in all, ${MODULE_LIMIT_BYTES - module.bytes} below the limit`),
    line(inFunctions, `in ${rows.length} functions:`),
    ...rows.map(([bytes, name]) => line(bytes, `  ${name}`)),
    line(module.bytes - inFunctions, "elsewhere:"),
    line(8, "  magic and version"),
    ...module.sections.map(({ name, bytes }) =>
      name === "code"
        ? line(bytes - inFunctions, "  code section's header")
        : line(bytes, `  ${name} section`),
    ),
  ].join("\n");
}

function signature(module: WasmModule, entry: WasmModule["exports"][number]): string {
  if (entry.kind !== "function") return entry.kind;
  const type = module.types[module.functions[entry.index - module.imports.length] ?? -1];
  return type ? `(${type.parameters.join(", ")}) -> ${type.results.join(", ")}` : "of no known type";
}

function bodiesWith(module: WasmModule, matches: (opcode: number) => boolean, what: string): string[] {
  return module.code.flatMap(({ instructions }, index) =>
    instructions
      .filter(({ opcode }) => matches(opcode))
      .map(({ at }) => `${what} in function ${index} at offset ${at}`),
  );
}

function isFloat(opcode: number): boolean {
  const within = (first: number, last: number) => opcode >= first && opcode <= last;
  return (
    within(0x2a, 0x2b) ||
    within(0x38, 0x39) ||
    within(0x43, 0x44) ||
    within(0x5b, 0x66) ||
    within(0x8b, 0xa6) ||
    within(0xa8, 0xab) ||
    within(0xae, 0xbf) ||
    within(0xfc00, 0xfc07)
  );
}
