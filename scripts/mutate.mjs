// `npm run mutate`: changes the core in one place at a time, and shows which changes no test notices.
// The work is in test/mutate/; this makes plain JavaScript of it and of what it uses, which worker threads can load.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { root } from "./support.mjs";

const OUTPUT = "build/mutate/js";

rmSync(join(root, OUTPUT), { recursive: true, force: true });
for (const folder of ["host", "test"])
  for (const file of readdirSync(join(root, folder), { recursive: true })) {
    if (!file.endsWith(".ts") || file.endsWith(".d.ts") || file.endsWith(".test.ts")) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(root, folder, file), "utf8"), {
      compilerOptions: { target: "ES2022", module: "ESNext", verbatimModuleSyntax: true },
    });
    const target = join(root, OUTPUT, folder, file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
writeFileSync(join(root, OUTPUT, "package.json"), '{ "type": "module" }\n');
const { main } = await import(pathToFileURL(join(root, OUTPUT, "test/mutate/main.js")));
process.exitCode = await main(root, process.argv.slice(2));
