// Types of trapping.mjs for the tests.

export const TRAP_PATTERN: string;
export function writeTrappingModule(path: string, build?: string): Promise<void>;
