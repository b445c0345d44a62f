// `ferrule demo handshake --tap`: the reference capture in a network of the Linux kernel.

import { isIPv4 } from "node:net";
import { Advice } from "../advice.js";
import { realClock } from "../clock.js";
import { writeCapture } from "../demo/capture.js";
import { formatTable, tableOf } from "../demo/table.js";
import { tapHandshake } from "../demo/tap_handshake.js";
import { DEVICE, SERVER, TapStage } from "../demo/tap_stage.js";
import { bootCore } from "../device.js";
import type { EngineFactory } from "../engines/engine.js";
import { Host } from "../host.js";
import type { TapLink } from "../link/tap.js";
import type { TapOptions } from "../link/tap_setup.js";
import type { Sink } from "../pcapng/writer.js";
import { readLayout, readModule, UsageError } from "./command.js";
import {
  deviceConfig,
  leased,
  SERVICE_HELP,
  SERVICE_OPTIONS,
  type Services,
  servicesOf,
} from "./service_options.js";
import { OPTIONAL_TAP_HELP, TAP_OPTIONS, tapOptions } from "./tap_options.js";

/** What tshark takes for HTTP, whatever is sent. */
const HTTP_PORT = 80;

/** How long the last frames may take, in milliseconds. */
const MOMENT = 200;

export const DEMO_TAP_OPTIONS = { ...TAP_OPTIONS, ...SERVICE_OPTIONS, url: { type: "string" } } as const;

export const DEMO_TAP_HELP = `With --tap, handshake is played with servers of the network behind an interface, in real time, by one device:
  --url URL              the page that it asks for: an http URL of port 80, of a file
${SERVICE_HELP}
${OPTIONAL_TAP_HELP}`;

export type TapValues = Partial<Record<"tap" | "device-address" | "host-address" | "dns" | "url", string>> & {
  readonly dhcp: boolean;
};

export interface TapDemo {
  readonly url: URL;
  readonly tapAt: TapOptions;
  readonly services: Services;
}

/** What the options ask for; undefined without `--tap`. Throws UsageError. */
export function tapDemoOf(story: string, values: TapValues): TapDemo | undefined {
  if (values.tap === undefined) {
    const names = Object.keys(DEMO_TAP_OPTIONS) as (keyof typeof DEMO_TAP_OPTIONS)[];
    const lone = names.find((name) => values[name]);
    if (lone) throw new UsageError(`--${lone} needs an interface: give --tap NAME, too`);
    return undefined;
  }
  if (story !== "handshake")
    throw new UsageError(`--tap is for handshake: ${story} needs two ends that obey`);
  const url = urlOf(values.url);
  const services = servicesOf(values) ?? { isLeased: false, dnsServers: [] };
  if (!isIPv4(url.hostname) && !services.isLeased && services.dnsServers.length === 0)
    throw new UsageError(`${url.hostname} is a name: say who knows it, with --dhcp or --dns`);
  return { url, tapAt: tapOptions(values), services };
}

/** Plays it and prints the table, which is also there when a server does not play along. Throws Advice then. */
export async function playOnTap(
  demo: TapDemo,
  factory: EngineFactory,
  seed: Uint8Array,
  sink: Sink | undefined,
): Promise<TapStage> {
  const stage = new TapStage(realClock, HTTP_PORT);
  const { openTap } = await import("../link/tap_setup.js");
  const tap = await openTap(demo.tapAt);
  let result: string;
  try {
    console.log(about(demo));
    result = await play(stage, demo, tap, factory, seed);
  } finally {
    await tap.close();
    const view = {
      ends: [DEVICE, SERVER],
      isLeftOut: (passage) => stage.isForeign(passage),
    } satisfies Parameters<typeof tableOf>[1];
    console.log(`\n${formatTable(tableOf(stage, view), view)}`);
    if (sink)
      writeCapture(stage, sink, { name: demo.tapAt.name, description: "The device of a demo, in real time" });
  }
  console.log(`\n${result}`);
  return stage;
}

async function play(
  stage: TapStage,
  { url, tapAt, services }: TapDemo,
  tap: TapLink,
  factory: EngineFactory,
  seed: Uint8Array,
): Promise<string> {
  const config = { ...deviceConfig(tapAt, services), connections: 2, listeners: 0, seed };
  const core = bootCore(readModule("standard"), realClock, config, { engine: stage.engine(factory) });
  const host = new Host(core, stage.watch(tap, core, readLayout()), realClock);
  const lost = new AbortController();
  tap.onLost = (code) => lost.abort(new Advice(`the interface ${tap.name} went away (${code})`));
  try {
    if (services.isLeased) stage.note("device: asks for an address");
    const lease = services.isLeased ? await leased(host, lost.signal) : undefined;
    if (lease) stage.note(`device: ${lease.told}`);
    const name = url.hostname;
    const path = url.pathname + url.search;
    const asked = { host, name, isName: !isIPv4(name), port: HTTP_PORT, path, signal: lost.signal };
    const result = await tapHandshake(stage, asked);
    if (!lease) return result;
    stage.note("device: gives its address back");
    lease.client.release();
    await stage.pass(MOMENT);
    return result;
  } finally {
    host.close();
  }
}

function about({ url, services }: TapDemo): string {
  const begin = services.isLeased ? "A device gets its address by DHCP, and " : "A device ";
  return `${begin}asks for ${url} as any client would. Its states
are its core's. The server's are the kernel's, where it runs on this machine, asked after each frame: by then it may have
gone on.`;
}

function urlOf(text: string | undefined): URL {
  if (text === undefined) throw new UsageError("which page? Give --url http://NAME/");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || url.port !== "" || url.hostname.startsWith("["))
    throw new UsageError(
      `--url ${text} is not possible: give an http URL of port 80, as in http://10.0.0.1/`,
    );
  return url;
}
