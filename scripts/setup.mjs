// Brings in what `npm start` and `npm test` need: `node scripts/setup.mjs start|build|test`.
//
// Every step is done only when its result is missing or stale, and says so in one line. What is stale is decided by
// content, not by time: a stamp holds the hash of a step's inputs and of its outputs.
// Node's own modules only: this runs on a machine with nothing but Node and git.

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { hasTool, lastLines, root, run, runScript, TOOLS, toolsFile } from "./support.mjs";

const MINUTE = 60_000;

/** The release of wasm3 that the tests run: PyPI's sdist holds the sources of the tag v0.5.0 unchanged. */
const WASM3 = {
  requirement: "pywasm3==0.5.0",
  archive: "pywasm3-0.5.0.tar.gz",
  sha256: "5a47c8a39f7f6ae71b3316b2e5d86c9d0db6e771a65f09a86e4d4aa3a19aefcc",
  sources: "pywasm3-0.5.0/wasm3",
  version: "0.5.0",
};

main(process.argv[2]);

function main(goal) {
  if (!["start", "build", "test"].includes(goal)) stop("usage: node scripts/setup.mjs start|build|test");
  checkNode();
  installPackages();
  buildCore();
  buildLayout();
  buildHost();
  buildPage();
  if (goal === "test") prepareTests();
}

function checkNode() {
  const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node.replace(">=", "");
  const numbers = (version) => version.split(".").map(Number);
  const [major, minor] = numbers(process.versions.node);
  const [wantedMajor, wantedMinor] = numbers(wanted);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  stop(`Ferrule needs Node ${wanted} or later; this is Node ${process.versions.node}.`);
}

function installPackages() {
  if (packagesAreCurrent()) return;
  say("installing npm packages from package-lock.json");
  // The npm that runs this script, if one does. Development packages are needed to build, in production too.
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const args = [...npm.slice(1), "ci", "--include=dev", "--no-audit", "--no-fund"];
  const { ok, output, problem } = run(npm[0], args, { timeoutMs: 10 * MINUTE });
  if (!ok) stop(`npm ci, which needs a network, failed (${problem}):\n${npmErrors(output)}`);
}

/** Compares package-lock.json with the list that npm keeps of what it installed. */
function packagesAreCurrent() {
  const list = (path) => JSON.parse(readFileSync(join(root, path), "utf8")).packages;
  if (!existsSync(join(root, "node_modules/.package-lock.json"))) return false;
  const { "": _project, ...wanted } = list("package-lock.json");
  const installed = list("node_modules/.package-lock.json");
  const isCurrent = ([path, { version, optional }]) =>
    installed[path] ? installed[path].version === version : optional === true;
  return Object.entries(wanted).every(isCurrent) && Object.keys(installed).every((path) => path in wanted);
}

/** What npm said went wrong, without its usage text. */
function npmErrors(output) {
  const errors = output.split("\n").filter((line) => /^npm error \S/.test(line));
  return errors.slice(0, 12).join("\n");
}

function buildCore() {
  step({
    name: "core",
    says: "compiling the core to build/core.wasm",
    inputs: ["assembly", "asconfig.json", "package-lock.json"],
    outputs: ["build/core.wasm", "build/core.wat"],
    work() {
      const options = { timeoutMs: 5 * MINUTE };
      mkdirSync(join(root, "build"), { recursive: true });
      const asc = runScript(
        "assemblyscript/bin/asc.js",
        ["--config", "asconfig.json", "--target", "core"],
        options,
      );
      if (!asc.ok) stop(`asc failed (${asc.problem}):\n${asc.output}`);
      // Once more over what asc has optimised: this orders functions by their use, and their indices become shorter.
      // The text is of the same module, with the names that the size report needs.
      for (const form of [
        ["-o", "build/core.wasm"],
        ["-S", "-o", "build/core.wat"],
      ]) {
        const args = ["-Oz", "--enable-bulk-memory", "build/core.named.wasm", ...form];
        const opt = runScript("binaryen/bin/wasm-opt", args, options);
        if (!opt.ok) stop(`wasm-opt failed (${opt.problem}):\n${opt.output}`);
      }
    },
  });
}

function buildLayout() {
  step({
    name: "layout",
    says: "measuring the core's records for build/layout.json",
    inputs: ["assembly", "asconfig.json", "package-lock.json", "scripts/sim_layout.mjs"],
    outputs: ["build/layout.json"],
    work() {
      const args = [join(root, "scripts/sim_layout.mjs"), join(root, "build/layout.json")];
      const { ok, output, problem } = run(process.execPath, args, { timeoutMs: 5 * MINUTE });
      if (!ok) stop(`measuring the records failed (${problem}):\n${output}`);
    },
  });
}

function buildHost() {
  step({
    name: "host",
    says: "compiling the host to build/host",
    inputs: ["host", "tsconfig.json", "tsconfig.build.json", "package-lock.json"],
    outputs: ["build/host"],
    work() {
      // So that no module outlives its source.
      rmSync(join(root, "build/host"), { recursive: true, force: true });
      const args = ["-p", "tsconfig.build.json"];
      const { ok, output, problem } = runScript("typescript/bin/tsc", args, { timeoutMs: 5 * MINUTE });
      if (!ok) stop(`tsc failed (${problem}):\n${output}`);
    },
  });
}

/** The part of the device's page that runs in the browser. */
function buildPage() {
  step({
    name: "page",
    says: "compiling the page's scripts to build/page",
    inputs: ["host/apps/page", "tsconfig.json", "package-lock.json"],
    outputs: ["build/page"],
    work() {
      rmSync(join(root, "build/page"), { recursive: true, force: true });
      const args = ["-p", "host/apps/page"];
      const { ok, output, problem } = runScript("typescript/bin/tsc", args, { timeoutMs: 5 * MINUTE });
      if (!ok) stop(`tsc failed (${problem}):\n${output}`);
      copyFileSync(join(root, "host/apps/page/style.css"), join(root, "build/page/style.css"));
    },
  });
}

/**
 * Brings in the tests' tools as far as this machine lets us, and writes down for the tests what is missing and why.
 * Never fails: the tests report what they leave out (scripts/test.mjs), and in CI that fails the run.
 */
function prepareTests() {
  const missing = installTools();
  const wasm3 = process.env.WASM3_DIR ? wasm3From(process.env.WASM3_DIR) : fetchWasm3(missing);
  mkdirSync(join(root, "build"), { recursive: true });
  writeFileSync(join(root, toolsFile), `${JSON.stringify({ missing, wasm3 }, null, 2)}\n`);
}

/** Returns the tools that are missing afterwards: name -> why, and how to get it. */
function installTools() {
  const hasWasm3 = process.env.WASM3_DIR || existsSync(join(root, "build/wasm3", WASM3.sources));
  const needed = Object.keys(TOOLS).filter((name) => name !== "pip" || !hasWasm3);
  const wanted = needed.filter((name) => !hasTool(name));
  if (wanted.length === 0) return {};
  const mayInstall = process.getuid?.() === 0 && run("apt-get", ["--version"]).ok;
  const packages = mayInstall ? installWithApt(wanted) : wanted.flatMap(defaultPackages);
  const missing = {};
  for (const name of wanted) {
    if (hasTool(name)) continue;
    missing[name] = `${name} is missing; Debian package ${defaultPackages(name).join(", ")}`;
    say(`${missing[name]}. Left out: ${TOOLS[name].without}.`);
  }
  if (Object.keys(missing).length > 0 && !mayInstall)
    say(`to run all tests, as root: apt-get install ${packages.join(" ")}`);
  return missing;
}

function defaultPackages(name) {
  return TOOLS[name].packages.map((alternatives) => alternatives[alternatives.length - 1]);
}

function installWithApt(names) {
  const options = { timeoutMs: 20 * MINUTE, env: { DEBIAN_FRONTEND: "noninteractive" } };
  const bounds = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
  say(`installing the tests' tools with apt: ${names.join(", ")}`);
  const update = run("apt-get", [...bounds, "update"], options);
  if (!update.ok) say(`apt-get update failed (${update.problem})`);
  const packages = names.flatMap((name) =>
    TOOLS[name].packages.map(
      (alternatives) => alternatives.find((name) => run("apt-cache", ["show", name]).ok) ?? alternatives[0],
    ),
  );
  const install = [...bounds, "install", "-y", "--no-install-recommends", ...packages];
  const { ok, output, problem } = run("apt-get", install, options);
  if (!ok) say(`apt-get install failed (${problem}):\n${lastLines(output, 10)}`);
  return packages;
}

/** The sources that WASM3_DIR names: another release, or a copy for a machine without a network. */
function wasm3From(directory) {
  for (const candidate of [directory, join(directory, "source")]) {
    const version = wasm3Version(candidate);
    if (version) return { directory: candidate, version };
  }
  return stop(`WASM3_DIR=${directory}: there is no wasm3.h in it, nor in its folder source.`);
}

function fetchWasm3(missing) {
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
  missing.wasm3 = `the sources of wasm3 ${WASM3.version} could not be had: ${problem}`;
  say(`${missing.wasm3}. Left out: wasm3.`);
  return null;
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

function wasm3Version(directory) {
  const header = join(directory, "wasm3.h");
  if (!existsSync(header)) return undefined;
  return /#define\s+M3_VERSION\s+"([^"]+)"/.exec(readFileSync(header, "utf8"))?.[1];
}

/**
 * Does `work` unless its outputs are those that it made from these very inputs. Paths are files or folders, relative
 * to the project. `work` ends the process when it fails, or returns false to be tried again the next time.
 */
function step({ name, says, inputs, outputs, work }) {
  const stamp = join(root, "build/stamps", name);
  const now = () => `inputs ${hashOf(inputs)}\noutputs ${hashOf(outputs)}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now()) return;
  say(says);
  rmSync(stamp, { force: true });
  if (work() === false) return;
  mkdirSync(join(root, "build/stamps"), { recursive: true });
  writeFileSync(stamp, now());
}

/** A hash of the names and contents of files and folders; what is missing counts as missing. */
function hashOf(paths) {
  const hash = createHash("sha256");
  for (const file of paths.flatMap((path) => filesIn(join(root, path))))
    hash.update(`${relative(root, file)}\0`).update(existsSync(file) ? readFileSync(file) : "missing");
  return hash.digest("hex");
}

function filesIn(path) {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}

function say(text) {
  console.log(`setup: ${text}`);
}

function stop(text) {
  console.error(`setup: ${text}`);
  process.exit(1);
}
