#!/usr/bin/env node
// The `ferrule` command.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { parseArgs } from "node:util";
import { realClock } from "./clock.js";
import { ConnectionLog, formatBytes } from "./console.js";
import { MAX_CONNECTIONS, type ServeOptions, Service, type Totals } from "./serve.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** What a shell reports of a process that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

const HELP = `Usage: ferrule serve [options]
       ferrule --help | --version

serve boots a device (the Wasm core with an HTTP and an echo server) on a wire in memory
and makes it reachable on this machine. Stop it with Ctrl-C.

Options:
  --port N         port of the HTTP server on this machine, default 8080; 0 for any
  --echo-port N    port of the echo server on this machine, default the port after --port
  --address A      loopback address to listen on, default 127.0.0.1
  --connections N  connection records of the device, 1 to ${MAX_CONNECTIONS}, default 64
  --seed HEX       64 hex digits in place of fresh randomness (sequence numbers move with the clock too)
  --help           this text
`;

/** A command line that cannot be understood; the message says what to do. */
class UsageError extends Error {}

await main(process.argv.slice(2));

async function main(args: string[]): Promise<void> {
  try {
    const { values, positionals } = parse(args);
    if (values.version) console.log(`ferrule ${version()}`);
    else if (values.help || positionals[0] === "help") console.log(HELP.trimEnd());
    else await serve(serveOptions(positionals, values));
  } catch (error) {
    console.error(`ferrule: ${explain(error as NodeJS.ErrnoException)}`);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        port: { type: "string" },
        "echo-port": { type: "string" },
        address: { type: "string", default: "127.0.0.1" },
        connections: { type: "string", default: "64" },
        seed: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${HELP.trimEnd()}`);
  }
}

type Values = ReturnType<typeof parse>["values"];

function serveOptions([command, ...rest]: string[], values: Values): ServeOptions {
  if (command !== "serve" || rest.length > 0) {
    const problem =
      command === undefined ? "no command" : `unknown command "${command === "serve" ? rest[0] : command}"`;
    throw new UsageError(`${problem}\n\n${HELP.trimEnd()}`);
  }
  const port = integer("port", values.port ?? "8080", 0, 65535);
  const echoPort = integer("echo-port", values["echo-port"] ?? String(nextPort(port)), 0, 65535);
  if (!isIPv4(values.address) || !values.address.startsWith("127."))
    throw new UsageError(`--address ${values.address} is not a loopback address: give one from 127.0.0.0/8`);
  return {
    port,
    echoPort,
    address: values.address,
    connections: integer("connections", values.connections, 1, MAX_CONNECTIONS),
    seed: seedFrom(values.seed),
    wasm: readFileSync(new URL("../core.wasm", import.meta.url)),
    version: version(),
  };
}

/** The port after `port`; 0, the machine's choice, where there is none. */
function nextPort(port: number): number {
  return port === 0 || port === 65535 ? 0 : port + 1;
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} ${text} is not possible: give a whole number from ${least} to ${most}`);
}

function seedFrom(text: string | undefined): Uint8Array {
  if (text === undefined) return randomBytes(32);
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  throw new UsageError("--seed needs 64 hex digits");
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

async function serve(options: ServeOptions): Promise<void> {
  const service = new Service(options);
  const ports = await service.start(options);
  const log = new ConnectionLog(service.gateway, realClock, (line) => console.log(line));
  const { address } = options;
  console.log(`Ferrule ${options.version}: a device of ${options.wasm.length} bytes of Wasm is up, with room for
${options.connections} connections. Try:

  curl http://${address}:${ports.port}/
  curl http://${address}:${ports.port}/info
  curl -o bytes -D - http://${address}:${ports.port}/bytes/104857600 && sha256sum bytes
  curl --data-binary @bytes -o echoed http://${address}:${ports.port}/echo && cmp bytes echoed
  nc ${address} ${ports.echoPort}        (echoes what you type)

Ctrl-C stops it. Connections, as they come and go:`);
  await interrupted();
  console.log("\nStopping.");
  const totals = await service.stop();
  log.stop();
  report(totals);
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      if (++signals > 1) process.exit(EXIT_INTERRUPTED);
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

function report(totals: Totals): void {
  const turnedAway = totals.turnedAway > 0 ? ` (${totals.turnedAway} turned away)` : "";
  const records =
    totals.recordsLeft === 0
      ? "all connection records were returned"
      : `${plural(totals.recordsLeft, "connection record")} not returned: this is a bug`;
  console.log(`${plural(totals.clients, "connection")}${turnedAway}, ${plural(totals.requests, "HTTP request")}
${formatBytes(totals.bytesToDevice)} to the device, ${formatBytes(totals.bytesFromDevice)} from it
${plural(totals.retransmits, "retransmission")}, ${plural(totals.drops, "drop")}
${records}`);
  process.exitCode = totals.recordsLeft === 0 ? 0 : EXIT_FAILURE;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function explain(error: NodeJS.ErrnoException & { port?: number }): string {
  if (error instanceof UsageError) return error.message;
  if (error.code === "EADDRINUSE")
    return `port ${error.port} is in use: give another with --port or --echo-port`;
  if (error.code === "EACCES") return `port ${error.port} is reserved: give one from 1024 up with --port`;
  if (error.code === "ENOENT" && error.path?.endsWith("core.wasm"))
    return "build/core.wasm is missing: run npm run build";
  return error.stack ?? String(error);
}
