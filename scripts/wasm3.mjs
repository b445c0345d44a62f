// The sources of wasm3: those that WASM3_DIR names, or a release that is fetched from its registry, pinned by version
// and hash. Never committed.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { say, step } from "./steps.mjs";
import { lastLines, root, run } from "./support.mjs";

const MINUTE = 60_000;

/** The release that runs unless WASM3_DIR says otherwise: PyPI's sdist holds the sources of the tag v0.5.0 unchanged. */
const WASM3 = {
  requirement: "pywasm3==0.5.0",
  archive: "pywasm3-0.5.0.tar.gz",
  sha256: "5a47c8a39f7f6ae71b3316b2e5d86c9d0db6e771a65f09a86e4d4aa3a19aefcc",
  sources: "pywasm3-0.5.0/wasm3",
  version: "0.5.0",
};

/** Compiler options of wasm3's sources, and of all that includes its headers: the limits are a microcontroller's. */
export const WASM3_OPTIONS = [
  "-Dd_m3HasFloat=0",
  "-Dd_m3CodePageAlignSize=2048",
  "-Dd_m3MaxFunctionStackHeight=128",
  "-Dd_m3VerboseErrorMessages=0",
];

/** Whether the sources can be had without fetching them. */
export function hasWasm3() {
  return Boolean(process.env.WASM3_DIR) || existsSync(join(root, "build/wasm3", WASM3.sources));
}

/** The sources and their version, or the problem in words: `{ directory, version }` or `{ problem }`. */
export function wasm3Sources() {
  const named = process.env.WASM3_DIR;
  return named ? wasm3From(named) : fetchWasm3();
}

/** Another release, or a copy for a machine without a network. */
function wasm3From(directory) {
  for (const candidate of [directory, join(directory, "source")]) {
    const version = wasm3Version(candidate);
    if (version) return { directory: candidate, version };
  }
  return { problem: `WASM3_DIR=${directory}: there is no wasm3.h in it, nor in its folder source` };
}

function fetchWasm3() {
  const folder = "build/wasm3";
  let problem = "";
  step({
    name: `wasm3-${WASM3.sha256}`,
    says: `fetching the sources of wasm3 ${WASM3.version}`,
    inputs: [],
    outputs: [`${folder}/${WASM3.sources}`],
    work() {
      problem = unpackWasm3(folder);
      return problem === "";
    },
  });
  const directory = join(root, folder, WASM3.sources);
  if (!problem && wasm3Version(directory) !== WASM3.version) problem = "they are of another version";
  if (!problem) return { directory, version: WASM3.version };
  const problemText = `the sources of wasm3 ${WASM3.version} could not be had: ${problem}`;
  say(`${problemText}. Left out: wasm3.`);
  return { problem: problemText };
}

/** Returns what went wrong, in words. */
function unpackWasm3(folder) {
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder), { recursive: true });
  const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
  const what = ["--no-binary", "pywasm3", "--dest", folder, WASM3.requirement];
  const download = run("python3", [...pip, ...what], { timeoutMs: 5 * MINUTE });
  if (!download.ok) return `pip download: ${download.problem}\n${lastLines(download.output, 5)}`.trim();
  const sha256 = createHash("sha256")
    .update(readFileSync(join(root, folder, WASM3.archive)))
    .digest("hex");
  if (sha256 !== WASM3.sha256) return `${WASM3.archive} has SHA-256 ${sha256}, not ${WASM3.sha256}`;
  const unpack = run("tar", ["-xzf", `${folder}/${WASM3.archive}`, "-C", folder]);
  return unpack.ok ? "" : `tar: ${unpack.problem}`;
}

/** The version that a folder's wasm3.h tells. */
function wasm3Version(directory) {
  const header = join(directory, "wasm3.h");
  if (!existsSync(header)) return undefined;
  return /#define\s+M3_VERSION\s+"([^"]+)"/.exec(readFileSync(header, "utf8"))?.[1];
}
