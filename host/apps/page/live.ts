// The page's script: reads the stream of /live and shows it, in numbers and plots, and asks for load.

import type { LivePlot, PlotOptions } from "./plot.js";
import type { Ending, Load, Sample, SampledConnection } from "./sample.js";

/** What the plots show, in milliseconds. */
const HISTORY_MS = 60_000;

/** Over less time than this a rate says little, in milliseconds: the device answers a change of load at once. */
const LEAST_MS = 100;

/** A stream that says nothing for this long is dead, in milliseconds; how often that is looked at. */
const SILENCE_MS = 10_000;
const WATCH_MS = 1000;

/** When the page comes back after the device was not to be reached, in milliseconds: doubled each time. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

/** When it comes back after it was turned away, in milliseconds. */
const REFUSED_RETRY_MS = 3000;

/** Time between two drawings for those who want little motion, in milliseconds. */
const CALM_MS = 1000;

/** Longest event, in characters; the device's are far shorter. */
const MAX_EVENT = 65536;

const LINE_FEED = 10;
const COLON = 58;

/** The stream is not what it should be; the message says how. */
class StreamError extends Error {}

/** What there was to see at one moment. */
interface Moment {
  /** Milliseconds of the page's clock. */
  readonly at: number;
  /** Bytes per second that were acknowledged since the moment before. */
  readonly rate: number;
  /** Whether something was retransmitted since. */
  readonly lost: boolean;
  readonly connection: SampledConnection;
}

type Phase = "connecting" | "live" | "disconnected" | "stopped";

/** What is shown: numbers, plots, buttons. */
class View {
  readonly #status = byId("status");
  readonly #throughput = byId("throughput");
  readonly #sentText = byId("sent");
  readonly #counters = byId("counters");
  readonly #stop = byId("stop");
  readonly #loads = [...document.querySelectorAll<HTMLElement>("[data-load]")];
  readonly #calm = matchMedia("(prefers-reduced-motion: reduce)");
  readonly #plots = PLOTS.map((plot) => ({ ...plot, element: byId(plot.id) as LivePlot }));
  /** Those of the last minute, oldest first. */
  #moments: Moment[] = [];
  #previous: Sample | undefined;
  /** Bytes of the connection so far: the device's counts wrap. */
  #sent = 0;
  #received = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor() {
    for (const { element, options } of this.#plots) element.begin(options);
    // Shows what is of no use without a script.
    document.documentElement.classList.add("has-script");
  }

  onLoad(act: (load: Load) => void): void {
    for (const button of this.#loads) button.addEventListener("click", () => act(loadOf(button)));
  }

  onStop(act: () => void): void {
    this.#stop.addEventListener("click", act);
  }

  phase(phase: Phase, text: string): void {
    this.#status.dataset.phase = phase;
    // Said only when it changes.
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#stop.textContent = phase === "stopped" ? "Start" : "Stop";
    if (phase !== "live") this.#previous = undefined;
  }

  load(load: Load): void {
    for (const button of this.#loads) button.setAttribute("aria-pressed", String(loadOf(button) === load));
  }

  /** Takes what came at `now`, in milliseconds of the page's clock. */
  sample(sample: Sample, now: number): void {
    const { connection } = sample;
    if (!connection) return;
    const before = this.#previous?.connection;
    const elapsed = sample.at - (this.#previous?.at ?? sample.at);
    if (before && elapsed < LEAST_MS) {
      this.load(sample.load);
      return;
    }
    if (before) {
      const acknowledged = difference(connection.bytesAcknowledged, before.bytesAcknowledged);
      this.#sent += acknowledged;
      this.#received += difference(connection.bytesReceived, before.bytesReceived);
      const rate = (acknowledged * 1000) / elapsed;
      this.#moments.push({ at: now, rate, lost: connection.retransmits > before.retransmits, connection });
    } else {
      this.#sent = connection.bytesAcknowledged;
      this.#received = connection.bytesReceived;
    }
    this.#moments = this.#moments.filter(({ at }) => now - at <= HISTORY_MS);
    this.#previous = sample;
    if (this.#calm.matches && now - this.#drawnAt < CALM_MS) return;
    this.#drawnAt = now;
    this.#draw({ ...sample, connection }, now);
  }

  #draw(sample: Sample & { connection: SampledConnection }, now: number): void {
    const whole = { bytesAcknowledged: this.#sent, bytesReceived: this.#received };
    const shown = { ...sample, connection: { ...sample.connection, ...whole } };
    this.#addCounters(sample.counters);
    for (const element of document.querySelectorAll<HTMLElement>("[data-live]")) {
      const { live = "", digits = "0", none = "Infinity" } = element.dataset;
      const value = find(shown, live);
      // What never changes is not in the samples.
      if (value !== undefined) element.textContent = show(value, Number(digits), Number(none));
    }
    this.#throughput.textContent = rateText(this.#moments.at(-1)?.rate ?? 0);
    this.#sentText.textContent = bytesText(this.#sent);
    this.load(sample.load);
    for (const { element, values } of this.#plots)
      element.show(
        this.#moments.map((moment) => ({ at: moment.at, lost: moment.lost, values: values(moment) })),
        now,
      );
  }

  /** Counters that had not moved when the page was made. */
  #addCounters(counters: Sample["counters"]): void {
    for (const name of Object.keys(counters)) {
      if (this.#counters.querySelector(`[data-live="counters.${name}"]`)) continue;
      const [row, term, value, number] = ["div", "dt", "dd", "span"].map((tag) =>
        document.createElement(tag),
      );
      if (!row || !term || !value || !number) return;
      term.textContent = name;
      number.dataset.live = `counters.${name}`;
      value.append(number);
      row.append(term, value);
      this.#counters.append(row);
    }
  }
}

/** Finds the events in a stream of server-sent events; comments, which the load consists of, are skipped. */
class EventReader {
  readonly #decoder = new TextDecoder();
  /** The lines of the event that is coming in. */
  #text = "";
  #atLineStart = true;
  #inComment = false;

  /** The events that `chunk` completes, each as its lines. Throws StreamError when one is too long. */
  *push(chunk: Uint8Array): Generator<string[]> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#atLineStart) this.#inComment = chunk[at] === COLON;
      const end = chunk.indexOf(LINE_FEED, at);
      const next = end < 0 ? chunk.length : end + 1;
      if (!this.#inComment) this.#text += this.#decoder.decode(chunk.subarray(at, next), { stream: true });
      if (this.#text.length > MAX_EVENT) throw new StreamError("an event is too long");
      this.#atLineStart = end >= 0;
      at = next;
      if (this.#text === "\n") this.#text = "";
      if (this.#inComment || !this.#text.endsWith("\n\n")) continue;
      yield this.#text.trimEnd().split("\n");
      this.#text = "";
    }
  }
}

/** Keeps a stream open, as long as the visitor wants one. */
class Live {
  readonly #view: View;
  #session: AbortController | undefined;
  #load: Load = 0;
  /** Of the stream that is open. */
  #id = "";
  #retryMs = FIRST_RETRY_MS;

  constructor(view: View) {
    this.#view = view;
  }

  /** Opens a stream, or closes the one that there is. */
  toggle(): void {
    if (this.#session) this.#stop();
    else void this.#start();
  }

  /** Asks for load; opens a stream when there is none. */
  async setLoad(load: Load): Promise<void> {
    this.#load = load;
    this.#view.load(load);
    if (!this.#session) void this.#start();
    // A stream that is not there yet is asked for with its load.
    if (this.#id === "") return;
    const { ok } = await fetch(`/live?id=${this.#id}&load=${load}`, { method: "POST" }).catch(() => ({
      ok: false,
    }));
    // The stream has ended, or is about to: the next one is asked for with this load.
    if (!ok) this.#id = "";
  }

  #stop(): void {
    this.#session?.abort();
    this.#session = undefined;
    this.#id = "";
    this.#view.phase("stopped", "Stopped. These are the last numbers.");
  }

  /** One stream after another until `#stop`. */
  async #start(): Promise<void> {
    const session = new AbortController();
    this.#session = session;
    this.#retryMs = FIRST_RETRY_MS;
    this.#view.phase("connecting", "Connecting…");
    while (!session.signal.aborted) {
      const { why, retryMs } = await this.#stream(session.signal);
      if (session.signal.aborted) return;
      this.#id = "";
      this.#view.phase("disconnected", `Disconnected: ${why} Trying again…`);
      await sleep(retryMs, session.signal);
    }
  }

  /** One stream, until it ends; resolves to why, and to when the next one should be tried. */
  async #stream(stopped: AbortSignal): Promise<{ why: string; retryMs: number }> {
    const ended = new AbortController();
    const abort = () => ended.abort();
    stopped.addEventListener("abort", abort);
    let heardAt = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - heardAt > SILENCE_MS) ended.abort();
    }, WATCH_MS);
    try {
      const answer = await fetch(`/live?load=${this.#load}`, { signal: ended.signal, cache: "no-store" });
      if (!answer.ok || !answer.body) return { why: (await answer.text()).trim(), retryMs: REFUSED_RETRY_MS };
      const reader = answer.body.getReader();
      const events = new EventReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        heardAt = performance.now();
        const ending = this.#hear(events.push(part.value));
        if (ending) return { why: `${ending.reason}.`, retryMs: ending.retryMs };
      }
      return { why: "the stream has ended.", retryMs: this.#backOff() };
    } catch (error) {
      let why = "the device does not answer.";
      if (ended.signal.aborted) why = "nothing came for a while.";
      else if (error instanceof StreamError) why = `${error.message}.`;
      return { why, retryMs: this.#backOff() };
    } finally {
      clearInterval(watch);
      stopped.removeEventListener("abort", abort);
      // What is left of the stream is of no interest; its connection can go.
      ended.abort();
    }
  }

  #hear(events: Iterable<string[]>): Ending | undefined {
    for (const lines of events) {
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
      if (data === undefined) continue;
      if (lines.includes("event: end")) return JSON.parse(data) as Ending;
      const sample = JSON.parse(data) as Sample;
      this.#retryMs = FIRST_RETRY_MS;
      this.#id = sample.id;
      this.#load = sample.load;
      this.#view.phase("live", "Live");
      this.#view.sample(sample, performance.now());
    }
    return undefined;
  }

  #backOff(): number {
    const retryMs = this.#retryMs;
    this.#retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    return retryMs;
  }
}

const PLOTS: readonly { id: string; options: PlotOptions; values: (moment: Moment) => number[] }[] = [
  {
    id: "plot-throughput",
    options: { title: "Throughput", lines: ["acknowledged"], least: 1000, format: rateText },
    values: ({ rate }) => [rate],
  },
  {
    id: "plot-windows",
    options: {
      title: "Windows",
      lines: ["congestion window", "your window", "in flight"],
      least: 1000,
      format: bytesText,
    },
    values: ({ connection: { congestionWindow, sndWnd, inFlight } }) => [congestionWindow, sndWnd, inFlight],
  },
  {
    id: "plot-rtt",
    options: { title: "Round trip", lines: ["smoothed", "variation"], least: 1, format: millisecondsText },
    values: ({ connection: { rttMs, rttVarMs } }) => [rttMs, rttVarMs],
  },
];

main();

function main(): void {
  const view = new View();
  const live = new Live(view);
  view.onLoad((load) => void live.setLoad(load));
  view.onStop(() => live.toggle());
  live.toggle();
}

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

function loadOf(button: HTMLElement): Load {
  return button.dataset.load === "full" ? "full" : Number(button.dataset.load);
}

/** What has been counted between two values of a counter that wraps at 2^32. */
function difference(later: number, earlier: number): number {
  return (later - earlier) >>> 0;
}

function find(object: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], object);
}

/** As `show` in http_page.ts. */
function show(value: unknown, digits: number, none: number): string {
  if (typeof value !== "number") return String(value);
  if (value >= none) return "any number of";
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString("en", options).replaceAll(",", "\u202f");
}

function rateText(value: number): string {
  return `${bytesText(value)}/s`;
}

function millisecondsText(value: number): string {
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Three digits and a unit, of 1000. */
function bytesText(value: number): string {
  // 999.5 would be written as 1000.
  for (const [size, unit] of [
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "KB"],
  ] as const)
    if (value >= 0.9995 * size) return `${(value / size).toPrecision(3)} ${unit}`;
  return `${Math.round(value)} B`;
}

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
