// `npm test`: every check and every test, then the total alone on the last line: `N passed, N failed`.
// A check counts as a test, and one that fails hides none of the others.
// Arguments go to vitest, and then only vitest runs: `npm test -- engines`.

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cFiles, inCi, root, run, runScript, TOOLS, toolsFile } from "./support.mjs";

const MINUTE = 60_000;
const REPORT = "build/vitest.json";

const total = { passed: 0, failed: 0, skipped: 0 };
const vitestArguments = process.argv.slice(2);

const { missing } = JSON.parse(readFileSync(join(root, toolsFile), "utf8"));
checkTools();
if (vitestArguments.length === 0) runChecks();
runVitest(vitestArguments);
finish();

function runChecks() {
  check("format and lint", () =>
    runScript("@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "."]),
  );
  check("types", () => runScript("typescript/bin/tsc", ["--noEmit"], { timeoutMs: 5 * MINUTE }));
  check("types of the page's scripts", () =>
    runScript("typescript/bin/tsc", ["--noEmit", "-p", "host/apps/page"], { timeoutMs: 5 * MINUTE }),
  );
  if (missing["clang-format"]) skip("C format", missing["clang-format"]);
  else check("C format", () => run("clang-format", ["--dry-run", "-Werror", ...cFiles()]));
}

/** Tests that need a missing tool are skipped one by one; an unattended run must not pass like that. */
function checkTools() {
  const problems = Object.values(missing);
  if (problems.length === 0) check("tools", () => ({ ok: true }));
  else if (inCi) check("tools", () => ({ ok: false, problem: "CI", output: problems.join("\n") }));
  else skip("tools", "some are missing; what is left out stands at the end");
}

function check(name, work) {
  const { ok, output, problem } = work();
  console.log(`${ok ? "pass" : "FAIL"}  ${name}${ok ? "" : ` (${problem})\n${output}`}`);
  total[ok ? "passed" : "failed"]++;
}

function skip(name, reason) {
  console.log(`skip  ${name}: ${reason}`);
  total.skipped++;
}

function runVitest(args) {
  const report = join(root, REPORT);
  mkdirSync(join(root, "build"), { recursive: true });
  rmSync(report, { force: true });
  const reporters = [
    "--reporter=default",
    "--reporter=scripts/engine_counts.mjs",
    "--reporter=json",
    `--outputFile.json=${REPORT}`,
  ];
  const { ok, problem } = runScript("vitest/vitest.mjs", ["run", ...reporters, ...args], {
    show: true,
    timeoutMs: 45 * MINUTE,
  });
  const failedBefore = total.failed;
  countVitest(report);
  // vitest also fails for reasons that no test is to blame for: no test found, an error outside of all tests.
  if (!ok && total.failed === failedBefore) check("vitest", () => ({ ok, problem, output: "see above" }));
}

function countVitest(report) {
  let files = [];
  try {
    files = JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch (error) {
    check("vitest's report", () => ({ ok: false, problem: error.message, output: "" }));
  }
  let ran = 0;
  for (const file of files) {
    const results = file.assertionResults;
    ran += results.filter(({ status }) => status === "passed" || status === "failed").length;
    for (const { status } of results)
      total[status === "passed" ? "passed" : status === "failed" ? "failed" : "skipped"]++;
    // A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
    if (file.status === "failed" && !results.some(({ status }) => status === "failed")) total.failed++;
  }
  // A pattern that fits nothing must not look like success.
  if (ran === 0) check("tests", () => ({ ok: false, problem: "no test ran", output: "" }));
}

function finish() {
  if (total.skipped > 0) console.log("");
  for (const [name, problem] of Object.entries(missing))
    console.log(`left out: ${TOOLS[name]?.without ?? name} (${problem})`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}
