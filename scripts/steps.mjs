// Work that is done only when its result is missing or stale. What is stale is decided by content, not by time: a stamp
// holds the hash of a step's inputs and of its outputs. Node's own modules only.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./support.mjs";

/**
 * Does `work` unless its outputs are those that it made from these very inputs. Paths are files or folders, relative
 * to the project. `work` ends the process when it fails, or returns false to be tried again the next time.
 */
export function step({ name, says, inputs, outputs, work }) {
  const stamp = join(root, "build/stamps", name);
  const now = () => `inputs ${hashOf(inputs)}\noutputs ${hashOf(outputs)}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now()) return;
  say(says);
  rmSync(stamp, { force: true });
  if (work() === false) return;
  mkdirSync(join(root, "build/stamps"), { recursive: true });
  writeFileSync(stamp, now());
}

/** Tells what is being done. */
export function say(text) {
  console.log(`setup: ${text}`);
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
