#!/usr/bin/env node
// The `ferrule` command: finds the command that is asked for, and says what went wrong.

import { Advice } from "./advice.js";
import { type Command, EXIT_FAILURE, EXIT_OK, EXIT_USAGE, UsageError, version } from "./commands/command.js";
import { demo } from "./commands/demo.js";
import { get } from "./commands/get.js";
import { replay } from "./commands/replay.js";
import { serve } from "./commands/serve.js";
import { sim } from "./commands/sim.js";

const COMMANDS: Readonly<Record<string, Command>> = { serve, get, demo, replay, sim };

// Most often whoever read what this prints has gone: then there is nobody to tell anything, a stack least of all.
process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  if (code !== "EPIPE") console.error(`ferrule: standard output: ${message}`);
  process.exit(EXIT_FAILURE);
});

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...args]: string[]): Promise<number> {
  try {
    if (name === "--version" || name === "version") return say(`ferrule ${version()}`);
    if (name === "--help" || name === "-h") return say(overview());
    if (name === "help") return say(args[0] === undefined ? overview() : find(args[0]).help);
    if (name === undefined) throw new UsageError(`no command\n\n${overview()}`);
    const command = find(name);
    if (args.includes("--help") || args.includes("-h")) return say(command.help);
    return await command.run(args);
  } catch (error) {
    const { stack, message } = error as Error;
    console.error(`ferrule: ${error instanceof Advice ? message : (stack ?? String(error))}`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
}

function find(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) return command;
  throw new UsageError(`unknown command "${name}"\n\n${overview()}`);
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `Usage: ferrule COMMAND [options]

${lines.join("\n")}

  ferrule help COMMAND   its options, with examples
  ferrule --version

Exit codes: 0 done, 1 it failed or found a fault, 2 the command line cannot be understood, 130 interrupted twice.`;
}

function say(text: string): number {
  console.log(text.trimEnd());
  return EXIT_OK;
}
