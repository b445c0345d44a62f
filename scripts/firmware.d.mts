// Types of firmware.mjs for the tests and for ports.

/** What a port's build.mjs says of each board, in `boards`: name -> Board. */
export interface Board {
  /** The port's folder in the project, "boards/qemu_riscv": its build.mjs, sources and linker script. */
  readonly folder: string;
  /** Names of scripts/support.mjs. */
  readonly tools: readonly string[];
  readonly compiler: string;
  /** For objects and for linking. */
  readonly options: readonly string[];
  /** NAME or NAME=VALUE, for the application and the port alone. */
  readonly defines?: readonly string[];
  /** The port's sources and drivers, paths in the project. */
  readonly files: readonly string[];
  /** For linking only. */
  readonly link: readonly string[];
  /** What the emulator takes. */
  readonly image: "elf" | "bin";
  /** For "bin". */
  readonly objcopy?: string;
}

export const BOARDS: Readonly<Record<string, Board>>;
export const ENGINES: readonly ("wasm3" | "aot")[];
export function toolsFor(name: string, engine: "wasm3" | "aot"): string[];
export function buildFirmware(
  name: string,
  engine: "wasm3" | "aot",
  options?: {
    module?: string;
    defines?: readonly string[];
    sanitize?: boolean;
    program?: readonly string[];
    application?: readonly string[];
  },
): { image: string; elf: string; problem: string };
