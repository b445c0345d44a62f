// Types of dhcp.mjs for the tests.

import type { Check } from "./checks.mjs";

export function dhcpCheckNames(board: string): string[];
export function runDhcpChecks(board: string, engine: "wasm3" | "aot"): Promise<Check[]>;
