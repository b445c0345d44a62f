// Runs around every test (vitest.config.ts): one that fails leaves build/recordings/FILE-TEST.pcapng.

import { afterEach, beforeEach } from "vitest";
import { ENGINE, missingEngine, testEngine } from "./engine.js";
import { beginTest, endTest, setStandardEngine } from "./recording.js";

/** Longest part of a file's name that a test's name makes up, in characters. */
const NAME_MAX = 120;

setStandardEngine(testEngine);

beforeEach((context) => {
  // Processes are used again (vitest.config.ts): not for another project. Without projects there is no name.
  const { projectName } = context.task.file;
  if (projectName && projectName !== ENGINE)
    throw new Error(`a test of ${projectName} runs where cores are on ${ENGINE}`);
  if (missingEngine) context.skip(missingEngine);
  beginTest();
});

afterEach(({ task }) => {
  const isFailed = task.result?.state === "fail";
  const told = endTest(isFailed ? `build/recordings/${fileNameOf(task)}.pcapng` : undefined);
  if (told) console.log(`"${task.name}" failed; ${told}`);
});

function fileNameOf({
  name,
  file,
}: {
  readonly name: string;
  readonly file: { readonly name: string };
}): string {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${plain(file.name.replace(/\.test\.ts$/, ""))}-${plain(name).slice(0, NAME_MAX)}`;
}
