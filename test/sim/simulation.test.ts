// 200 seeds of the simulator, and those that once failed. A seed that fails here is reproduced by the command in the
// failure's message.

import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readKept, recordAgain } from "../../host/sim/command.js";
import type { Scenario } from "../../host/sim/scenario.js";
import { Statistics } from "../../host/sim/statistics.js";
import { runSeed, type Setting } from "../../host/sim/world.js";
import { simSetting } from "./setting.js";

const SEEDS = 200;
const SEEDS_PER_TEST = 25;
const SEED_FOLDER = new URL("seeds/", import.meta.url);

const statistics = new Statistics();
let setting: Setting;

beforeAll(async () => {
  setting = await simSetting();
});

/** Runs a seed and throws what broke, with the end of the trace. */
function runWhole(seed: number, scenario?: Scenario): Statistics {
  const interference = scenario ? { scenario: () => scenario } : {};
  const { failure, trace, statistics } = runSeed(seed, setting, interference);
  if (failure)
    throw new Error(
      `seed ${seed}, step ${failure.step}: ${failure.what}\n\n${trace.text()}\n\n` +
        `again with: npm run sim -- --seed ${seed} --seeds 1 --verbose\n` +
        recordAgain(seed, setting, interference, "build/recordings"),
    );
  return statistics;
}

describe("every seed keeps all that must hold", () => {
  for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST)
    test(`seeds ${first} to ${first + SEEDS_PER_TEST - 1}`, () => {
      for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) statistics.merge(runWhole(seed));
    });
});

describe("what once failed", () => {
  const files = readdirSync(SEED_FOLDER).filter((name) => name.endsWith(".json"));
  test.each(files)("%s", (name) => {
    const { seed, scenario } = readKept(new URL(name, SEED_FOLDER));
    expect(scenario.seed).toBe(seed);
    runWhole(seed, scenario);
  });
});

test("the same seed gives the same run, whatever ran before", () => {
  const run = () => {
    const { frames, statistics, trace } = runSeed(7, setting);
    return { frames, table: statistics.table(), trace: trace.text() };
  };
  const first = run();
  runSeed(8, setting);
  expect(run()).toEqual(first);
});

// A simulation in which nothing happens finds nothing.
const EXERCISED = [
  "TCP_FAST_RETRANSMITS",
  "TCP_TIMEOUTS",
  "TCP_PROBES",
  "TCP_OUT_OF_ORDER",
  "TCP_RANGES_FULL",
  "TCP_OUTSIDE_WINDOW",
  "TCP_PAWS",
  "TCP_KEEPALIVES",
  "TCP_USER_TIMEOUTS",
  "TCP_GIVEN_UP",
  "TCP_RESETS_IN",
  "TCP_RESETS_OUT",
  "TCP_NO_CONNECTION",
  "TCP_NO_RECORD",
  "TCP_BACKLOG_FULL",
  "TCP_SYN_EVICTED",
  "TCP_SYN_EXPIRED",
  "TCP_TIME_WAIT_EVICTED",
  "TCP_TIME_WAIT_RST",
  "TCP_DATA_AFTER_CLOSE",
  "TCP_CHALLENGE_LIMITED",
  "TCP_CHECKSUM",
  "IP_CHECKSUM",
  "IP_MALFORMED",
  "ARP_FAILED",
  "ARP_EVICTED",
  "REPLY_DROPPED",
  "SACK blocks sent",
  "D-SACK blocks sent",
  "zero windows announced",
  "TIME-WAIT reused",
  "simultaneous opens",
  "state CLOSING",
  "state SYN_RECEIVED",
  "segments with URG",
  "forged segments",
  "TCP_RST_CHALLENGED",
  "TCP_RST_OUTSIDE",
  "TCP_SYN_CHALLENGED",
  "TCP_ACK_UNACCEPTABLE",
  "segments with data and FIN",
  "reboots",
  "end complete",
  "end aborted",
  "end closed",
  "end rebooted",
  "end CONNECTION_REFUSED",
  "end CONNECTION_RESET",
  "end TIMED_OUT",
  "end UNREACHABLE",
  "frames lost",
  "frames burstLost",
  "frames queueLost",
  "frames blackoutLost",
  "frames reordered",
  "frames duplicated",
  "frames corrupted",
];

test("the seeds exercise what they are for", () => {
  expect(statistics.get("runs"), "the 200 seeds ran before this").toBe(SEEDS);
  expect(EXERCISED.filter((name) => statistics.get(name) === 0)).toEqual([]);
});

afterAll(() => {
  if (statistics.get("runs") > 0) console.log(`${SEEDS} seeds in numbers:\n${statistics.table()}`);
});
