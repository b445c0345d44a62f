// Reads a Wasm module in its binary format: enough of the core specification, version 1, and bulk memory to judge the
// core by. An opcode that is not of these is an error, so that no feature creeps in unseen.

/** Result and parameter types by their names, "i32". */
export interface FunctionType {
  readonly parameters: readonly string[];
  readonly results: readonly string[];
}

export interface WasmImport {
  readonly module: string;
  readonly name: string;
}

export interface WasmExport {
  readonly name: string;
  readonly kind: "function" | "table" | "memory" | "global";
  readonly index: number;
}

export interface WasmGlobal {
  readonly type: string;
  readonly mutable: boolean;
}

export interface Limits {
  readonly minimum: number;
  readonly maximum: number | undefined;
}

export interface DataSegment {
  /** Address of an active segment with a constant one; undefined for any other. */
  readonly address: number | undefined;
  readonly length: number;
}

/** One instruction: its opcode, with the second byte of prefixed ones as 0xfc00 + n. */
export interface Instruction {
  readonly opcode: number;
  /** Offset in the module. */
  readonly at: number;
}

export interface FunctionBody {
  /** Bytes in the code section, locals and the length itself included. */
  readonly bytes: number;
  readonly instructions: readonly Instruction[];
  /** Types of the locals. */
  readonly locals: readonly string[];
}

export interface Section {
  readonly id: number;
  readonly name: string;
  /** Bytes with the section's header. */
  readonly bytes: number;
}

export interface WasmModule {
  readonly bytes: number;
  readonly sections: readonly Section[];
  readonly types: readonly FunctionType[];
  readonly imports: readonly WasmImport[];
  /** Type index of each function that the module defines. */
  readonly functions: readonly number[];
  readonly tables: readonly Limits[];
  readonly memories: readonly Limits[];
  readonly globals: readonly WasmGlobal[];
  readonly exports: readonly WasmExport[];
  readonly hasStart: boolean;
  readonly elementSegments: number;
  readonly data: readonly DataSegment[];
  /** Bodies in the order of `functions`. */
  readonly code: readonly FunctionBody[];
}

/** Parses a module. Throws on anything that it does not know. */
export function parseWasm(binary: Uint8Array): WasmModule {
  const reader = new Reader(binary);
  if (reader.u32le() !== 0x6d736100) throw new Error("no Wasm module: wrong magic");
  if (reader.u32le() !== 1) throw new Error("no Wasm module of version 1");
  const module = emptyModule(binary.length);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.leb();
    const content = reader.slice(length);
    const name = id === 0 ? `custom "${content.name()}"` : SECTION_NAMES[id];
    if (name === undefined) throw new Error(`unknown section ${id}`);
    module.sections.push({ id, name, bytes: reader.at - start });
    if (id === 0) continue;
    readSection(id, content, module);
    if (!content.done) throw new Error(`section "${name}" has bytes left over`);
  }
  return module;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

const SECTION_NAMES = [
  "custom",
  "type",
  "import",
  "function",
  "table",
  "memory",
  "global",
  "export",
  "start",
  "element",
  "code",
  "data",
  "data count",
] as const;

const VALUE_TYPES = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
]);

const EXPORT_KINDS = ["function", "table", "memory", "global"] as const;

function emptyModule(bytes: number): Mutable<WasmModule> {
  return {
    bytes,
    sections: [],
    types: [],
    imports: [],
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    exports: [],
    hasStart: false,
    elementSegments: 0,
    data: [],
    code: [],
  };
}

function readSection(id: number, reader: Reader, module: Mutable<WasmModule>): void {
  switch (SECTION_NAMES[id]) {
    case "type":
      module.types = reader.vector(readType);
      break;
    case "import":
      module.imports = reader.vector(readImport);
      break;
    case "function":
      module.functions = reader.vector((r) => r.leb());
      break;
    case "table":
      module.tables = reader.vector((r) => {
        r.byte();
        return readLimits(r);
      });
      break;
    case "memory":
      module.memories = reader.vector(readLimits);
      break;
    case "global":
      module.globals = reader.vector((r) => {
        const global = { type: valueType(r), mutable: r.byte() === 1 };
        readExpression(r);
        return global;
      });
      break;
    case "export":
      module.exports = reader.vector((r) => ({ name: r.name(), kind: exportKind(r.byte()), index: r.leb() }));
      break;
    case "start":
      reader.leb();
      module.hasStart = true;
      break;
    case "element":
      // How many there are is all that is asked; their insides are not read.
      module.elementSegments = reader.leb();
      reader.skipRest();
      break;
    case "code":
      module.code = reader.vector(readBody);
      break;
    case "data":
      module.data = reader.vector(readData);
      break;
    default:
      reader.leb();
  }
}

function readType(reader: Reader): FunctionType {
  if (reader.byte() !== 0x60) throw new Error("a type that is not a function's");
  return { parameters: reader.vector(valueType), results: reader.vector(valueType) };
}

function readImport(reader: Reader): WasmImport {
  const found = { module: reader.name(), name: reader.name() };
  const kind = exportKind(reader.byte());
  if (kind === "function") reader.leb();
  else if (kind === "global") reader.skip(2);
  else {
    if (kind === "table") reader.byte();
    readLimits(reader);
  }
  return found;
}

function readLimits(reader: Reader): Limits {
  const flags = reader.byte();
  if (flags > 1) throw new Error(`limits with flags ${flags}`);
  return { minimum: reader.leb(), maximum: flags === 1 ? reader.leb() : undefined };
}

function readData(reader: Reader): DataSegment {
  const mode = reader.leb();
  if (mode > 2) throw new Error(`data segment of mode ${mode}`);
  let address: number | undefined;
  if (mode === 2) reader.leb();
  if (mode !== 1) address = readAddress(reader);
  const length = reader.leb();
  reader.skip(length);
  return { address, length };
}

/** The value of `i32.const n end`; undefined for any other constant expression. */
function readAddress(reader: Reader): number | undefined {
  const start = reader.at;
  const [first, second] = readExpression(reader);
  if (first?.opcode !== 0x41 || second?.opcode !== 0x0b) return undefined;
  return reader.signedAt(start + 1) >>> 0;
}

function readBody(reader: Reader): FunctionBody {
  const start = reader.at;
  const body = reader.slice(reader.leb());
  const locals = body.vector((r) => `${r.leb()} ${valueType(r)}`);
  const instructions = readExpression(body);
  if (!body.done) throw new Error("a function body has bytes behind its end");
  return { bytes: reader.at - start, instructions, locals };
}

/** The instructions up to the `end` that closes the expression, that one included. */
function readExpression(reader: Reader): Instruction[] {
  const instructions: Instruction[] = [];
  for (let depth = 1; depth > 0; ) {
    const at = reader.at;
    let opcode = reader.byte();
    if (opcode === 0xfc) opcode = 0xfc00 + reader.leb();
    skipImmediates(opcode, reader);
    instructions.push({ opcode, at });
    if (opcode >= 0x02 && opcode <= 0x04) depth++;
    if (opcode === 0x0b) depth--;
  }
  return instructions;
}

function skipImmediates(opcode: number, reader: Reader): void {
  if (opcode >= 0x02 && opcode <= 0x04) reader.skipLeb();
  else if (opcode === 0x0c || opcode === 0x0d || opcode === 0x10) reader.skipLeb();
  else if (opcode === 0x0e) {
    reader.vector((r) => r.skipLeb());
    reader.skipLeb();
  } else if (opcode === 0x11) reader.skipLebs(2);
  else if (opcode >= 0x20 && opcode <= 0x24) reader.skipLeb();
  else if (opcode >= 0x28 && opcode <= 0x3e) reader.skipLebs(2);
  else if (opcode === 0x3f || opcode === 0x40) reader.skip(1);
  else if (opcode === 0x41 || opcode === 0x42) reader.skipLeb();
  else if (opcode === 0x43) reader.skip(4);
  else if (opcode === 0x44) reader.skip(8);
  else if (opcode === 0xfc08) reader.skipLebs(2);
  else if (opcode === 0xfc09) reader.skipLeb();
  else if (opcode === 0xfc0a) reader.skip(2);
  else if (opcode === 0xfc0b) reader.skip(1);
  else if (!isPlain(opcode)) throw new Error(`opcode 0x${opcode.toString(16)} is not known here`);
}

/** Instructions without immediates. */
function isPlain(opcode: number): boolean {
  return (
    opcode <= 0x01 ||
    opcode === 0x05 ||
    opcode === 0x0b ||
    opcode === 0x0f ||
    opcode === 0x1a ||
    opcode === 0x1b ||
    (opcode >= 0x45 && opcode <= 0xbf)
  );
}

function valueType(reader: Reader): string {
  const code = reader.byte();
  const name = VALUE_TYPES.get(code);
  if (name === undefined) throw new Error(`value type 0x${code.toString(16)} is not known here`);
  return name;
}

function exportKind(code: number): (typeof EXPORT_KINDS)[number] {
  const kind = EXPORT_KINDS[code];
  if (kind === undefined) throw new Error(`import or export of kind ${code}`);
  return kind;
}

class Reader {
  #at: number;
  readonly #end: number;

  constructor(
    readonly binary: Uint8Array,
    from = 0,
    end = binary.length,
  ) {
    if (end > binary.length) throw new Error("the module is cut short");
    this.#at = from;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    if (this.#at >= this.#end) throw new Error(`the module ends early at ${this.#at}`);
    return this.binary[this.#at++] as number;
  }

  u32le(): number {
    return this.byte() + this.byte() * 0x100 + this.byte() * 0x10000 + this.byte() * 0x1000000;
  }

  /** An unsigned LEB128 number of at most 32 bits. */
  leb(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const octet = this.byte();
      value += (octet & 127) * factor;
      if (octet < 128) return value;
      if (factor > 2 ** 28) throw new Error(`a number is too long at ${this.#at}`);
    }
  }

  /** The signed LEB128 number of 32 bits at an absolute offset. */
  signedAt(at: number): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const octet = this.binary[at++] as number;
      value |= (octet & 127) << shift;
      if (octet < 128) return shift < 25 && octet & 64 ? value | (-1 << (shift + 7)) : value;
    }
  }

  skipLeb(): void {
    for (let length = 1; this.byte() >= 128; length++)
      if (length === 10) throw new Error(`a number is too long at ${this.#at}`);
  }

  skipLebs(count: number): void {
    for (let i = 0; i < count; i++) this.skipLeb();
  }

  skip(bytes: number): void {
    for (let i = 0; i < bytes; i++) this.byte();
  }

  skipRest(): void {
    this.#at = this.#end;
  }

  slice(length: number): Reader {
    const slice = new Reader(this.binary, this.#at, this.#at + length);
    this.#at += length;
    return slice;
  }

  vector<T>(read: (reader: Reader) => T): T[] {
    return Array.from({ length: this.leb() }, () => read(this));
  }

  name(): string {
    const length = this.leb();
    const text = new TextDecoder().decode(this.binary.subarray(this.#at, this.#at + length));
    this.skip(length);
    return text;
  }
}
