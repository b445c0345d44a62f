// Brings in what `npm start` and `npm test` need: `node scripts/setup.mjs start|build|test`.
//
// Every step is done only when its result is missing or stale, and says so in one line (steps.mjs).
// Node's own modules only: this runs on a machine with nothing but Node and git.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildEngines, missingFor } from "./engines.mjs";
import { say, step } from "./steps.mjs";
import { hasTool, lastLines, root, run, runScript, TOOLS, toolsFile } from "./support.mjs";
import { hasWasm3, wasm3Sources } from "./wasm3.mjs";

const MINUTE = 60_000;

main(process.argv[2]);

function main(goal) {
  if (!["start", "build", "test"].includes(goal)) stop("usage: node scripts/setup.mjs start|build|test");
  checkNode();
  installPackages();
  buildModule("core", "core");
  buildModule("standard", "core with UDP, DHCP and DNS");
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

/** The build of the core that asconfig.json calls `name`. */
function buildModule(name, what) {
  step({
    name,
    says: `compiling the ${what} to build/${name}.wasm`,
    inputs: ["assembly", "asconfig.json", "scripts/inline.mjs", "package-lock.json"],
    outputs: [`build/${name}.wasm`, `build/${name}.wat`],
    work() {
      const options = { timeoutMs: 5 * MINUTE };
      mkdirSync(join(root, "build"), { recursive: true });
      const asc = runScript(
        "assemblyscript/bin/asc.js",
        ["--config", "asconfig.json", "--target", name, "--transform", "./scripts/inline.mjs"],
        options,
      );
      if (!asc.ok) stop(`asc failed (${asc.problem}):\n${asc.output}`);
      // Once more over what asc has optimised: this orders functions by their use, and their indices become shorter.
      // The text is of the same module, with the names that the size report needs.
      for (const form of [
        ["-o", `build/${name}.wasm`],
        ["-S", "-o", `build/${name}.wat`],
      ]) {
        const args = ["-Os", "--enable-bulk-memory", `build/${name}.named.wasm`, ...form];
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
    inputs: [
      "assembly",
      "asconfig.json",
      "scripts/inline.mjs",
      "package-lock.json",
      "scripts/sim_layout.mjs",
    ],
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
  const { problem, ...wasm3 } = wasm3Sources();
  if (problem && process.env.WASM3_DIR) stop(`${problem}.`);
  if (problem) missing.wasm3 = problem;
  const pioProblem = installPlatformio();
  if (pioProblem) missing.platformio = pioProblem;
  mkdirSync(join(root, "build"), { recursive: true });
  const tools = { missing, wasm3: problem ? null : wasm3 };
  writeFileSync(join(root, toolsFile), `${JSON.stringify(tools, null, 2)}\n`);
  const engines = ["aot", "wasm3"].filter((name) => missingFor(name, missing).length === 0);
  const failed = buildEngines(engines);
  if (failed) stop(failed);
}

/** PlatformIO's command, which checks platformio.ini and packs the library: into build/platformio. Returns what went wrong, in words. */
function installPlatformio() {
  let problem = "";
  step({
    name: "platformio",
    says: "fetching PlatformIO's command",
    inputs: ["test/packages/requirements.txt"],
    outputs: ["build/platformio/platformio/__main__.py"],
    work() {
      const pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
      ];
      const what = ["--target", "build/platformio", "--requirement", "test/packages/requirements.txt"];
      rmSync(join(root, "build/platformio"), { recursive: true, force: true });
      const install = run("python3", [...pip, ...what], { timeoutMs: 5 * MINUTE });
      if (!install.ok)
        problem = `PlatformIO could not be had: ${install.problem}\n${lastLines(install.output, 5)}`.trim();
      return install.ok;
    },
  });
  if (problem) say(`${problem}. Left out: the checks of platformio.ini and of the library's package.`);
  return problem;
}

/** Returns the tools that are missing afterwards: name -> why, and how to get it. */
function installTools() {
  const needed = Object.keys(TOOLS).filter((name) => name !== "pip" || !hasWasm3());
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

function stop(text) {
  console.error(`setup: ${text}`);
  process.exit(1);
}
