// Types of runtime_sources.mjs for the tests.

export interface Source {
  readonly file: string;
  readonly options: readonly string[];
  readonly headers: readonly string[];
  readonly isOurs: boolean;
}

export const OWN_OPTIONS: readonly string[];
export const FOREIGN_OPTIONS: readonly string[];
export const RUNTIME_FILES: readonly string[];
export const RISCV_OPTIONS: readonly string[];

export function engineInputs(engine: "wasm3" | "aot"): string[];
export function ownSources(
  files: readonly string[],
  folders?: readonly string[],
  options?: readonly string[],
): Source[];
export function wasm3Engine(directory: string, engine?: string): Source[];
export function aotEngine(wasm: string, folder: string, more?: readonly string[], engine?: string): Source[];
export function translatedSource(folder: string, name: string, more?: readonly string[]): Source;
export function riscvMemory(ramKilobytes: number): string;
