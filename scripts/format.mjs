// `npm run format`: puts TypeScript, JavaScript, JSON and C files into the project's format.

import { cFiles, run, runScript } from "./support.mjs";

const results = [
  runScript("@biomejs/biome/bin/biome", ["check", "--write", "."], { show: true }),
  run("clang-format", ["-i", ...cFiles()], { show: true }),
];
for (const { ok, problem } of results) if (!ok) console.error(`format: ${problem}`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
