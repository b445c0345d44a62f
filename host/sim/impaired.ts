// A bad network in front of any link: what passes is lost, delayed, reordered, repeated and damaged by a seed.

import { Advice } from "../advice.js";
import type { Clock } from "../clock.js";
import { joinLinks } from "../link/join.js";
import type { Link } from "../link/link.js";
import { LossyLink, type LossyOptions, type LossyStatistics } from "./lossy.js";

/** What happens to frames in each direction, as the one who holds the link sees it. */
export interface Impairment {
  seed: number;
  received: Omit<LossyOptions, "seed">;
  sent: Omit<LossyOptions, "seed">;
}

/** The link to use in place of `link`, what happened to frames so far, and what ends it: no frame and no timer after. */
export function impairLink(
  link: Link,
  clock: Clock,
  { seed, sent, received }: Impairment,
): { link: Link; statistics: LossyStatistics; stop: () => void } {
  const lossy = new LossyLink(clock, { seed, ...sent }, received);
  const [inner, outer] = lossy.ends;
  const part = joinLinks(outer, link, clock);
  const stop = () => {
    part();
    lossy.drop();
  };
  return { link: inner, statistics: lossy.statistics, stop };
}

const PERCENTAGES = ["loss", "reorder", "duplicate", "corrupt"] as const;
const TIMES = { delay: "delayMs", jitter: "jitterMs" } as const;
const MAX_MS = 10_000;
const MAX_SEED = 2 ** 32 - 1;

export const IMPAIRMENT_HELP =
  "write as in loss=2%,delay=20ms,jitter=5ms,reorder=5%,duplicate=1%,corrupt=1%,direction=in,seed=7";

/** Reads "loss=2%,delay=20ms,...": percentages 0 to 100, times 0 to 10000 ms, direction in, out or both, a seed. Throws Advice. */
export function parseImpairment(text: string): Impairment {
  const chances: Omit<LossyOptions, "seed"> = { delayMs: 0 };
  const none: Omit<LossyOptions, "seed"> = { delayMs: 0 };
  let seed = 1;
  let direction = "both";
  for (const part of text.split(",")) {
    const [, name = "", value = ""] = /^([a-z]+)=(.*)$/.exec(part) ?? [];
    const percentage = PERCENTAGES.find((each) => each === name);
    if (percentage && amount(value, "%") <= 100) chances[percentage] = amount(value, "%") / 100;
    else if (isTime(name) && amount(value, "ms") <= MAX_MS) chances[TIMES[name]] = amount(value, "ms");
    else if (name === "seed" && amount(value, "") <= MAX_SEED) seed = amount(value, "");
    else if (name === "direction" && ["in", "out", "both"].includes(value)) direction = value;
    else throw new Advice(`--impair: "${part}" says nothing of a network: ${IMPAIRMENT_HELP}`);
  }
  return {
    seed,
    received: direction === "out" ? none : chances,
    sent: direction === "in" ? none : chances,
  };
}

function isTime(name: string): name is keyof typeof TIMES {
  return Object.hasOwn(TIMES, name);
}

/** The number before `unit`; not a number when there is another unit, or none. */
function amount(value: string, unit: string): number {
  const [, digits, found] = /^(\d{1,10}(?:\.\d{1,6})?)(%|ms|)$/.exec(value) ?? [];
  return found === unit ? Number(digits) : Number.NaN;
}
