// Types of engines.mjs for the tests.

import type { Source } from "./runtime_sources.mjs";

export function linkLibrary(sources: readonly Source[], objects: string, target: string): string;
