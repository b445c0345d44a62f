// The example of docs/node.md runs as it stands.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);

test("the example of docs/node.md prints what it says, and the process ends", async () => {
  const text = readFileSync(new URL("docs/node.md", ROOT), "utf8");
  const example = /```js\n(import [\s\S]*?)```/.exec(text)?.[1] ?? "";
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", example],
    { cwd: ROOT, timeout: 30_000 },
  );
  expect([stdout, stderr]).toEqual(["hello from /there\n", ""]);
  expect(text).toContain(`It prints \`${stdout.trim()}\``);
});
